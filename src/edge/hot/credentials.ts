import type { FindCredential, OriginCredential } from "../../model/origin-credential.ts";
import { fetchOf } from "./pool.ts";
import type { SiteEntry } from "./table.ts";

/** What a cache shows the web servers of a site, so that they know it from everybody else. */
export interface Shown {
  /** The secret field; it takes the place of whatever else has its name. */
  readonly field: readonly [name: string, value: string] | null;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** Connections on which different ones were shown are kept apart. */
  readonly identity: string;
}

const NOTHING: Shown = { field: null, tls: null, identity: "" };

/**
 * Null where one that the site names is not here: without it nothing is asked. Of two values the first
 * that is here is shown, so that a new one can be named before it is made, and an old one goes last.
 */
export function shownTo({ site, customer }: SiteEntry, find: FindCredential): Shown | null {
  const { secret, certificate } = fetchOf(site);
  if (secret === undefined && certificate === undefined) return NOTHING;
  let shown = NOTHING;
  if (secret !== undefined) {
    const values = secret.keys.map((name) => find(customer, name));
    const first = values.find((one) => one?.kind === "value");
    if (first?.kind !== "value") return null;
    shown = { ...shown, field: [secret.field, first.value] };
  }
  if (certificate !== undefined) {
    const own = find(customer, certificate);
    if (own?.kind !== "certificate") return null;
    const tls = { cert: own.certificate, key: own.privateKey };
    shown = { ...shown, tls, identity: identityOf(own) };
  }
  return shown;
}

let identities = 0;
const known = new WeakMap<OriginCredential, string>();

function identityOf(credential: OriginCredential): string {
  const identity = known.get(credential) ?? String(++identities);
  known.set(credential, identity);
  return identity;
}
