import type { Problem } from "../base/result.ts";
import type { AuthorityRow } from "../model/api/mod.ts";
import type { Customer, Network } from "../model/network.ts";
import type { Site } from "../model/site.ts";
import { pemBlocks, pemLineOf, readOne, wordsOf } from "./certificate-read.ts";

/** One certificate among those that vouch for web servers, other caches or an ACME directory. */
interface Authority {
  readonly subject: string;
  /** SHA-256, 64 hex digits. */
  readonly fingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

interface Read {
  readonly authorities: readonly Authority[];
  /** Each without its path. */
  readonly problems: readonly Omit<Problem, "path">[];
}

/** Pages ask again every two seconds for what never changes: by the settings that hold the text. */
const seen = new WeakMap<object, Read>();

/**
 * What is wrong with certificates that a change brings as authorities: `fetch.ca` of sites, `ca` of `tiers`
 * and of `acme`. Those that were there before stay as they are: what one customer had stored, and what has
 * ended since, is in nobody else's way.
 *
 * One that has ended is no problem beside one that has not: those who change authorities have both for a
 * while, and `authorityRows` says of each when it ends. All of them ended: nothing could be fetched.
 */
export function authorityProblems(
  before: Network | null,
  after: Network,
  nowMs: number,
): readonly Problem[] {
  const problems: Problem[] = [];
  const check = (holder: Holder, path: string) => {
    if (holder?.ca === undefined) return;
    problems.push(...problemsOf(read(holder, holder.ca), nowMs).map((one) => ({ path, ...one })));
  };
  if (after.tiers?.ca !== before?.tiers?.ca) check(after.tiers, "tiers.ca");
  if (after.acme?.ca !== before?.acme?.ca) check(after.acme, "acme.ca");
  if (after.customers === before?.customers) return problems;
  const customers = new Map(before?.customers.map((one) => [one.name, one]));
  for (const [c, customer] of after.customers.entries()) {
    const was = customers.get(customer.name);
    if (was?.sites === customer.sites) continue;
    for (const [s, { fetch }] of changedSites(was, customer)) {
      check(fetch, `customers.${c}.sites.${s}.fetch.ca`);
    }
  }
  return problems;
}

type Holder = { readonly ca?: string | undefined } | undefined;

/** Those with other authorities than before, each with its place. */
function changedSites(was: Customer | undefined, is: Customer): [number, Site][] {
  const before = new Map(was?.sites.map((site) => [site.hostname, site]));
  return [...is.sites.entries()].filter(([, site]) => {
    return site.fetch?.ca !== before.get(site.hostname)?.fetch?.ca;
  });
}

/** The authorities of a site's web servers, for people; undefined where it has none of its own. */
export function authorityRows({ fetch }: Site, nowMs: number): AuthorityRow[] | undefined {
  if (fetch?.ca === undefined) return undefined;
  return read(fetch, fetch.ca).authorities.map(({ subject, fingerprint, ...times }) => ({
    subject,
    fingerprint,
    state: times.notAfterMs <= nowMs ? "ended" : times.notBeforeMs > nowMs ? "not-yet" : "valid",
    notBefore: new Date(times.notBeforeMs).toISOString(),
    notAfter: new Date(times.notAfterMs).toISOString(),
  }));
}

function problemsOf(
  { authorities, problems }: Read,
  nowMs: number,
): readonly Omit<Problem, "path">[] {
  const endMs = Math.max(...authorities.map(({ notAfterMs }) => notAfterMs));
  if (problems.length > 0 || endMs > nowMs) return problems;
  const received = `the last of ${authorities.length} ended ${new Date(endMs).toISOString()}`;
  return [{ message: "expected at least one certificate that has not ended", received }];
}

function read(holder: object, text: string): Read {
  const known = seen.get(holder);
  if (known !== undefined) return known;
  const made = readText(text);
  seen.set(holder, made);
  return made;
}

function readText(text: string): Read {
  const authorities: Authority[] = [];
  const problems: Omit<Problem, "path">[] = [];
  const blocks = pemBlocks(text);
  for (const [i, block] of blocks.entries()) {
    try {
      authorities.push(authorityOf(block));
    } catch {
      const message = `expected an X.509 certificate in PEM as number ${i + 1} of ${blocks.length}`;
      problems.push({ message, received: `${block.length} characters that are none` });
    }
  }
  // A key pasted beside it is not repeated; of what was cut off nobody can say what it was.
  const rest = pemLineOf(blocks.reduce((left, block) => left.replace(block, ""), text));
  if (rest !== null) {
    const message = "expected certificates in PEM, each whole, and nothing else in PEM";
    problems.push({ message, received: rest });
  } else if (blocks.length === 0) {
    const message = "expected a certificate in PEM, which begins -----BEGIN CERTIFICATE-----";
    problems.push({ message, received: `${text.length} characters without one` });
  }
  return { authorities, problems };
}

function authorityOf(block: string): Authority {
  const one = readOne(block);
  return {
    subject: wordsOf(one.subject ?? ""),
    fingerprint: one.fingerprint256.replaceAll(":", "").toLowerCase(),
    notBeforeMs: Date.parse(one.validFrom),
    notAfterMs: Date.parse(one.validTo),
  };
}
