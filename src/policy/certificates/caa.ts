import type { ChallengeKind } from "../../model/acme.ts";
import type { Caa } from "../../wire/dns/mod.ts";

/** Tags that are registered: whoever issues for web servers knows them (RFC 8659 4, 9495, CA/B forum). */
const KNOWN = new Set([
  ...["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"],
]);
const WORDS_MAX = 5;

/** Who would issue, and how it would be shown that the name is ours. */
export interface CaaAsk {
  /** The authority's own names in CAA records; null where nobody said which these are. */
  readonly issuers: readonly string[] | null;
  readonly challenge: ChallengeKind;
  /** URL of our account with it. */
  readonly account: string;
}

/** An `issue` value: who may, and under which conditions (RFC 8659 4.2). */
interface Issue {
  /** Lower case; "" for nobody. */
  readonly issuer: string;
  readonly parameters: readonly (readonly [tag: string, value: string])[];
}

/**
 * Why the CAA records that count for a name (no wildcard) forbid the authority to issue, or null where they
 * do not: an unknown critical tag, or `issue` tags of which none is met (RFC 8659 4; RFC 8657).
 *
 * @example caaRefusal([{critical: false, tag: "issue", value: "other.example"}], ask)
 *   // "only other.example may issue"
 */
export function caaRefusal(records: readonly Caa[], ask: CaaAsk): string | null {
  const unknown = records.find(({ critical, tag }) => critical && !KNOWN.has(tag));
  if (unknown !== undefined) return `its critical tag ${unknown.tag} is not known`;
  const issues = records.filter(({ tag }) => tag === "issue").map(({ value }) => issueOf(value));
  if (issues.length === 0) return null;
  const misses = issues.map((issue) => missOf(issue, ask));
  if (misses.includes(null)) return null;
  const [near] = misses.filter((miss) => miss !== null && miss !== "");
  if (near !== undefined) return near;
  const others = [...new Set(issues.map(({ issuer }) => issuer))].filter((name) => name !== "");
  if (others.length === 0) return "nobody may issue";
  const who = ask.issuers === null ? "" : `, and not ${ask.issuers.join(", ")}`;
  return `only ${others.slice(0, WORDS_MAX).join(", ")} may issue${who}`;
}

/** Null where the authority may issue by it; "" where it is another's; else which condition is not met. */
function missOf({ issuer, parameters }: Issue, { issuers, challenge, account }: CaaAsk) {
  const isOurs = issuers === null || issuers.some((one) => one.toLowerCase() === issuer);
  if (issuer === "" || !isOurs) return "";
  const of = (tag: string) => parameters.filter(([each]) => each === tag).map(([, value]) => value);
  const [accounts, methods] = [of("accounturi"), of("validationmethods")];
  // Two of a kind are met by nobody (RFC 8657 3 and 4).
  if (accounts.length > 1 || (accounts.length === 1 && accounts[0] !== account)) {
    return `${issuer} may issue for another account only: ours is ${account}`;
  }
  if (methods.length > 1 || (methods.length === 1 && !methods[0]?.split(",").includes(challenge))) {
    return `${issuer} may issue after ${methods.join(" and ")} only, and not after ${challenge}`;
  }
  return null;
}

/** One that is malformed is for nobody (RFC 8659 4.2). */
function issueOf(value: string): Issue {
  const nobody: Issue = { issuer: "", parameters: [] };
  const [head = "", ...rest] = value.split(";");
  const issuer = trimmed(head).toLowerCase();
  const isName = /^(?:[a-z0-9]+(?:-+[a-z0-9]+)*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*)*)?$/.test(issuer);
  if (!isName) return nobody;
  const parameters: [string, string][] = [];
  const texts = rest.map(trimmed);
  // The last may be empty: a semicolon ends the list as well.
  if (texts.at(-1) === "") texts.pop();
  for (const text of texts) {
    const found = /^([A-Za-z0-9]+(?:-+[A-Za-z0-9]+)*)[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)$/.exec(
      text,
    );
    if (found === null) return nobody;
    const [, tag = "", of = ""] = found;
    parameters.push([tag.toLowerCase(), of]);
  }
  return { issuer, parameters };
}

function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, "");
}

/**
 * CAA values that let one authority alone issue within a zone, for one account where it is known, and nobody
 * for wildcards.
 */
export function caaValues(
  issuers: readonly string[],
  o: { readonly challenge: ChallengeKind; readonly account: string | null },
): readonly string[] {
  const account = o.account === null ? "" : `; accounturi=${o.account}`;
  const issue = issuers.map((issuer) => {
    return `0 issue "${issuer}; validationmethods=${o.challenge}${account}"`;
  });
  return [...issue, `0 issuewild ";"`];
}
