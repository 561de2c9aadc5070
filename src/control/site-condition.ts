import { Fault } from "../base/fault.ts";
import type { Problem } from "../base/result.ts";
import type { Site } from "../model/site.ts";
import { type Change, diffSite } from "../policy/snapshot/mod.ts";
import { listsStrongly, matchesWeakly } from "../wire/http/mod.ts";
import type { Deps } from "./deps.ts";
import { sha256 } from "./digest.ts";

/** Versions before the newest in which a site is looked for as somebody read it, and for how long. */
const VERSIONS_MAX = 20;
const LOOK_MS = 250;
/** Entries of the audit in which is looked for who changed what. */
const AUDITS_MAX = 50;

/** What is read again and again is made once. */
const tags = new WeakMap<Site, string>();

/** The entity tag of a site as it is asked for, with its web servers (RFC 9110 8.8.3). */
export function siteTag(site: Site): string {
  const known = tags.get(site);
  if (known !== undefined) return known;
  const tag = `"${sha256(JSON.stringify(site)).slice(0, 32)}"`;
  tags.set(site, tag);
  return tag;
}

/**
 * What a request asks of the site that it changes: that it is as it was read (If-Match, RFC 9110 13.1.1), or
 * that there is none (If-None-Match: *, 13.1.2). A request without either asks for nothing.
 */
export class SiteCondition {
  readonly #deps: Deps;
  readonly #at: { readonly customer: string; readonly hostname: string };
  readonly #ifMatch: string | null;
  readonly #ifNoneMatch: string | null;

  constructor(
    deps: Deps,
    headers: Headers,
    at: { readonly customer: string; readonly hostname: string },
  ) {
    this.#deps = deps;
    this.#at = at;
    this.#ifMatch = headers.get("if-match");
    this.#ifNoneMatch = headers.get("if-none-match");
  }

  /** @param now undefined where there is none */
  holds(now: Site | undefined): boolean {
    if (!this.#isAsRead(now)) return false;
    const others = this.#ifNoneMatch;
    return others === null || now === undefined || !matchesWeakly(others, siteTag(now));
  }

  #isAsRead(now: Site | undefined): boolean {
    if (this.#ifMatch === null) return true;
    return now !== undefined && listsStrongly(this.#ifMatch, siteTag(now));
  }

  /** The Fault of a request whose condition does not hold, with what was changed since, as far as it is known. */
  async fault(now: Site | undefined): Promise<Fault> {
    const { hostname } = this.#at;
    if (now === undefined) return new Fault("changed-since", `${hostname} is not there any more`);
    if (this.#isAsRead(now)) return new Fault("changed-since", `${hostname} is there already`);
    const read = await this.#asRead();
    if (read === null) return new Fault("changed-since", `${hostname} is another by now`);
    const changes = diffSite(read, now);
    const problems = await this.#told(changes);
    return new Fault("changed-since", hostname, { problems });
  }

  /** The site as whoever asks has read it: of those versions that are kept. */
  async #asRead(): Promise<Site | null> {
    const { store, clock } = this.#deps;
    const { customer, hostname } = this.#at;
    const { version } = await store.intents.read();
    const endMs = clock.monoMs() + LOOK_MS;
    const eldest = Math.max(1, version - VERSIONS_MAX);
    for (let v = version - 1; v >= eldest && clock.monoMs() < endMs; v--) {
      const network = await store.intents.readVersion(v);
      const sites = network?.customers.find((one) => one.name === customer)?.sites;
      const site = sites?.find((one) => one.hostname === hostname);
      if (site !== undefined && this.#isAsRead(site)) return site;
    }
    return null;
  }

  /** Each change in words, and who made it where the customer's own audit says so. */
  async #told(changes: readonly Change[]): Promise<readonly Problem[]> {
    const { customer, hostname } = this.#at;
    const page = { customer, before: null, limit: AUDITS_MAX };
    const audits = await this.#deps.store.audits.list(page);
    return changes.map((change) => {
      const end = `.${hostname}.${change.path}`;
      const by = audits.find((entry) => entry.changes.some((one) => isOf(one, end, change)));
      const who = by === undefined ? "" : ` by ${by.actor}, ${new Date(by.atMs).toISOString()}`;
      const message = `changed since you read it${who}: ${changeWords(change)}`;
      return { path: change.path, message };
    });
  }
}

/** What was made of a value, such as `20 -> 30`. */
export function changeWords({ action, from, to }: Change): string {
  if (action === "change") return `${from} -> ${to}`;
  if (action === "add") return to === undefined ? "added" : `added: ${to}`;
  return from === undefined ? "removed" : `removed: ${from}`;
}

/** Whether a line of the audit tells of that change, or of the last of those that it sums up. */
function isOf(line: string, end: string, { action, to }: Change): boolean {
  const [, sign = "", path = "", rest = ""] =
    /^(.) (\S+(?: in order)?)(?:: (.*))?$/s.exec(line) ?? [];
  if (!path.endsWith(end)) return false;
  if (action === "remove") return sign === "-";
  return to === undefined ? sign === "+" : rest === to || rest.endsWith(` -> ${to}`);
}
