import { createHmac } from "node:crypto";
import type { Hmac } from "../wire/dns/mod.ts";

/** The keyed hashes of TSIG. */
export const hmac: Hmac = (algorithm, secret, data) => {
  const hash = algorithm === "hmac-sha512" ? "sha512" : "sha256";
  return createHmac(hash, secret).update(data).digest();
};
