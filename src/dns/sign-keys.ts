import { createHash, createPrivateKey, sign } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { ZoneKey } from "../model/zone-keys.ts";
import { encodeName, lowerCaseName } from "../wire/dns/mod.ts";
import { SECURE } from "../wire/dnssec/mod.ts";
import { AnswerSigner, type Signing, type SignLimits } from "./hot/sign.ts";
import { type KeyParts, type SigningZone, signingZone } from "./hot/sign-zone.ts";

/** Makes keys ready to sign. Throws for a key that cannot be read; no word of it is in the error. */
export function openKeys(keys: readonly ZoneKey[], clock: Clock, limits?: SignLimits): Signing {
  const byZone = new Map<string, ZoneKey[]>();
  for (const key of keys) byZone.set(key.zone, [...(byZone.get(key.zone) ?? []), key]);
  const zones = new Map<string, SigningZone>();
  for (const [zone, own] of byZone) {
    const name = encodeName(zone);
    if (name === null) continue;
    const opened = signingZone(lowerCaseName(name), own.map(openKey), sha256);
    if (opened !== null) zones.set(zone, opened);
  }
  return { zones, signer: new AnswerSigner(clock, limits) };
}

function openKey({ zone, algorithm, state, publicKey, privateKey }: ZoneKey): KeyParts {
  const secret = readKey(zone, privateKey);
  const p256 = algorithm === SECURE.P256;
  // Synchronous: a thread that sleeps in the kernel has no loop to wait in.
  const hash = p256 ? "sha256" : null;
  const key = { key: secret, dsaEncoding: "ieee-p1363" } as const;
  return {
    algorithm,
    state,
    publicKey: Uint8Array.from(Buffer.from(publicKey, "base64")),
    sign: (data) => sign(hash, data, p256 ? key : secret),
  };
}

function readKey(zone: string, privateKey: string) {
  try {
    const key = Buffer.from(privateKey, "base64");
    return createPrivateKey({ key, format: "der", type: "pkcs8" });
  } catch {
    throw new Error(`Cannot read a key of ${zone}`);
  }
}

function sha256(data: Uint8Array): Uint8Array {
  return createHash("sha256").update(data).digest();
}
