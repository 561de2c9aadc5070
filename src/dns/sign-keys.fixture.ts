import { generateKeyPairSync } from "node:crypto";
import type { ZoneKey } from "../model/zone-keys.ts";

/** A new key for a zone, in use: Ed25519, as it is the quickest to make. */
export function keyOf(zone: string): ZoneKey {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { x = "" } = publicKey.export({ format: "jwk" });
  return {
    zone,
    algorithm: 15,
    state: "active",
    publicKey: Buffer.from(x, "base64url").toString("base64"),
    privateKey: privateKey.export({ format: "der", type: "pkcs8" }).toString("base64"),
  };
}
