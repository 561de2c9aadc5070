import type { Site } from "../../src/model/site.ts";
import { publish, type World } from "./world.ts";

export class Refusal extends Error {
  readonly status: number;
  readonly more: { problems?: readonly unknown[]; retryAfterSec?: number };
  constructor(status: number, words: string, more: Refusal["more"] = {}) {
    super(words);
    this.status = status;
    this.more = more;
  }
}

export interface Input {
  readonly params: Record<string, string>;
  // Checked by the contract's own parsers before a handler sees them.
  // biome-ignore lint/suspicious/noExplicitAny: the double's handlers are keyed by name, not typed
  readonly query: any;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly body: any;
  readonly cookie: string | null;
  readonly ifMatch: string | null;
}

export type Handler = (
  world: World,
  input: Input,
) => { reply?: unknown; headers?: Record<string, string> };

export const PEOPLE = {
  operator: { email: "ops@cdn.example", kind: "operator", customer: null, role: "owner" },
  owner: { email: "owner@shop.example", kind: "member", customer: "acme", role: "owner" },
  viewer: { email: "viewer@shop.example", kind: "member", customer: "acme", role: "viewer" },
  empty: { email: "owner@globex.example", kind: "member", customer: "globex", role: "owner" },
} as const;

export function who(input: Input) {
  const person = PEOPLE[(input.cookie ?? "") as keyof typeof PEOPLE];
  if (person === undefined) throw new Refusal(401, "Sign in first");
  return person;
}

export function sitesOf(world: World, input: Input): Site[] {
  const person = who(input);
  const customer = input.params.customer ?? "";
  const sites = world.sites.get(customer);
  if (sites === undefined || (person.kind === "member" && person.customer !== customer)) {
    throw new Refusal(404, "There is nothing at this name");
  }
  return sites;
}

export function siteOf(world: World, input: Input): Site {
  const found = sitesOf(world, input).find((s) => s.hostname === input.params.hostname);
  if (found === undefined) throw new Refusal(404, "There is nothing at this name");
  return found;
}

/** Of the certificates in `fetch.ca` the second has ended; one that says so is none. */
export function authoritiesOf({ fetch }: Site) {
  const blocks = fetch?.ca?.match(/-----BEGIN CERTIFICATE-----/g);
  if (fetch?.ca?.includes("NONE")) {
    const message = "expected an X.509 certificate in PEM as number 1 of 1";
    const problems = [{ path: "fetch.ca", message }];
    throw new Refusal(422, "The input has problems", { problems });
  }
  const authorities = blocks?.map((_, i) => ({
    subject: `Authority ${i + 1}`,
    fingerprint: "ab".repeat(32),
    state: i === 1 ? "ended" : "valid",
    notBefore: "2020-01-01T00:00:00.000Z",
    notAfter: i === 1 ? "2022-01-01T00:00:00.000Z" : "2047-05-19T00:00:00.000Z",
  }));
  return authorities === undefined ? {} : { authorities };
}

/** The entity tag of a site, as the API makes one of its own. */
export function etagOf(one: Site): string {
  return `"${Bun.hash(JSON.stringify(one)).toString(16)}"`;
}

export function changed(world: World, note: string) {
  const number = publish(world, note);
  return { reply: { changes: [note], version: number, snapshot: number } };
}
