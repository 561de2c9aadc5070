import type { FindCredential, OriginCredential } from "../../model/origin-credential.ts";
import type { SiteFetch } from "../../model/site-fetch.ts";
import { EMPTY_SHA256, type Hashes, s3Path, signV4 } from "../../wire/http/mod.ts";
import type { Fields } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { fetchOf } from "./pool.ts";
import type { SiteEntry } from "./table.ts";

/** What a cache shows the web servers of a site, so that they know it from everybody else. */
export interface Shown {
  /** The secret field; it takes the place of whatever else has its name. */
  readonly field: readonly [name: string, value: string] | null;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  /** With which requests for objects of a bucket are signed. */
  readonly s3: S3 | null;
  /** Connections on which different ones were shown, or others were believed, are kept apart. */
  readonly identity: string;
}

type S3 = NonNullable<SiteFetch["s3"]> & {
  readonly access: Extract<OriginCredential, { kind: "access-key" }>;
};

const NOTHING: Shown = { field: null, tls: null, s3: null, identity: "" };

/** Authorities of sites: what was verified against others is not used again. */
const authorities = new Map<string, number>();
const AUTHORITIES_MAX = 1_024;
let authoritiesSeen = 0;

function authorityOf(ca: string): number {
  const seen = authorities.get(ca);
  if (seen !== undefined) return seen;
  if (authorities.size >= AUTHORITIES_MAX) authorities.clear();
  authorities.set(ca, ++authoritiesSeen);
  return authoritiesSeen;
}

/**
 * Null where one that the site names is not here: without it nothing is asked. Of two values the first
 * that is here is shown, so that a new one can be named before it is made, and an old one goes last.
 */
export function shownTo({ site, customer }: SiteEntry, find: FindCredential): Shown | null {
  const { secret, certificate, s3, ca } = fetchOf(site);
  const plain = ca === undefined ? NOTHING : { ...NOTHING, identity: `ca${authorityOf(ca)}` };
  if (secret === undefined && certificate === undefined && s3 === undefined) return plain;
  let shown: Shown = plain;
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
    shown = { ...shown, tls, identity: `${shown.identity} ${identityOf(own)}` };
  }
  if (s3 !== undefined) {
    const access = find(customer, s3.key);
    if (access?.kind !== "access-key") return null;
    shown = {
      ...shown,
      s3: { ...s3, access },
      identity: `${shown.identity} ${identityOf(access)}`,
    };
  }
  return shown;
}

/** Whether a request may be signed: one for one object, to be read (a signed one may do all else). */
export function mayAskS3(ask: Ask, { s3 }: Shown): "yes" | "method" | "object" {
  if (s3 === null) return "yes";
  if (ask.method !== "GET" && ask.method !== "HEAD") return "method";
  return objectOf(ask, s3) === null ? "object" : "yes";
}

/** Fields of a client that mean something to a store, and would be taken for ours. */
const OF_STORES = /^(host|authorization|cookie|x-amz-.*)$/;

/**
 * Path and fields as a store takes them: the query is not sent, for it could ask for anything but the
 * object; conditions and ranges are, unsigned.
 */
export function signedForS3(
  ask: Ask,
  o: Hashes & {
    readonly s3: S3;
    readonly fields: Fields;
    readonly port: number;
    readonly nowMs: number;
  },
): { readonly path: string; readonly fields: Fields } {
  const { s3, port } = o;
  const usual = port === (ask.entry.site.scheme === "https" ? 443 : 80);
  const host = ["host", usual ? s3.host : `${s3.host}:${port}`] as const;
  const path = objectOf(ask, s3) ?? "/";
  const request = { method: ask.method, path, fields: [host], payload: EMPTY_SHA256 };
  const key = { ...s3.access, region: s3.region, service: "s3" };
  const kept = o.fields.filter(([name]) => !OF_STORES.test(name));
  return { path, fields: [host, ...kept, ...signV4(request, key, o)] };
}

function objectOf(ask: Ask, { prefix }: S3): string | null {
  const query = ask.path.indexOf("?");
  return s3Path(query < 0 ? ask.path : ask.path.slice(0, query), prefix);
}

let identities = 0;
const known = new WeakMap<OriginCredential, string>();

function identityOf(credential: OriginCredential): string {
  const identity = known.get(credential) ?? String(++identities);
  known.set(credential, identity);
  return identity;
}
