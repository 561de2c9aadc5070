import { dnskeyData, dsData, keyTag, SECURE } from "../../wire/dnssec/mod.ts";

/** A key that can sign. Where the private part is, only its function knows. */
export interface SigningKey {
  readonly algorithm: number;
  readonly tag: number;
  readonly sign: (data: Uint8Array) => Uint8Array;
}

/** What a signed zone is signed with, and what it tells of its keys at its apex. */
export interface SigningZone {
  /** Whole, in lower case. */
  readonly name: Uint8Array;
  /** Signs data. */
  readonly active: SigningKey;
  /** All published keys: these sign what tells of keys. */
  readonly keys: readonly SigningKey[];
  /** DNSKEY, CDS and CDNSKEY. */
  readonly sets: readonly {
    readonly type: number;
    readonly ttlSec: number;
    readonly data: readonly Uint8Array[];
  }[];
}

/** The keys of a zone are kept by resolvers for so long: a roll waits for it. */
export const DNSKEY_TTL_SEC = 3600;

/** The parts of one key, as they come from wherever keys are kept. */
export interface KeyParts {
  readonly algorithm: number;
  readonly state: "prepared" | "active" | "retiring";
  readonly publicKey: Uint8Array;
  readonly sign: (data: Uint8Array) => Uint8Array;
}

/** Null without an active key: then the zone cannot be signed. */
export function signingZone(
  name: Uint8Array,
  parts: readonly KeyParts[],
  sha256: (data: Uint8Array) => Uint8Array,
): SigningZone | null {
  const keys = parts.map(({ algorithm, state, publicKey, sign }) => {
    const dnskey = dnskeyData(algorithm, publicKey);
    return { algorithm, state, dnskey, tag: keyTag(dnskey), sign };
  });
  const active = keys.find((key) => key.state === "active");
  if (active === undefined) return null;
  const ttlSec = DNSKEY_TTL_SEC;
  const sets = [
    { type: SECURE.DNSKEY, ttlSec, data: keys.map((key) => key.dnskey) },
    // What the parent is asked to have (RFC 7344): in a roll, already the new key.
    { type: SECURE.CDS, ttlSec, data: [dsData(name, active.dnskey, sha256)] },
    { type: SECURE.CDNSKEY, ttlSec, data: [active.dnskey] },
  ];
  return { name, active, keys, sets };
}

/** These are signed by every key, all other types by the active one. */
export function tellsOfKeys(type: number): boolean {
  return type === SECURE.DNSKEY || type === SECURE.CDS || type === SECURE.CDNSKEY;
}
