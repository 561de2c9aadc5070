import { generateKeyPairSync } from "node:crypto";
import type { ZoneKey, ZoneKeyAlgorithm, ZoneKeyState } from "../model/zone-keys.ts";
import { SECURE } from "../wire/dnssec/mod.ts";

/** Makes a new pair of keys, from the system's own randomness. */
export function makeZoneKey(o: {
  readonly zone: string;
  readonly algorithm: ZoneKeyAlgorithm;
  readonly state: ZoneKeyState;
}): ZoneKey {
  const pair =
    o.algorithm === SECURE.P256
      ? generateKeyPairSync("ec", { namedCurve: "P-256" })
      : generateKeyPairSync("ed25519");
  const { x = "", y = "" } = pair.publicKey.export({ format: "jwk" });
  // x and y one after the other (RFC 6605 4); Ed25519 has x only (RFC 8080 3).
  const octets = Buffer.concat([Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
  const privateKey = pair.privateKey.export({ format: "der", type: "pkcs8" });
  return {
    ...o,
    publicKey: octets.toString("base64"),
    privateKey: privateKey.toString("base64"),
  };
}
