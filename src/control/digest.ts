import { createHash } from "node:crypto";
import type { Rng } from "../base/rng.ts";

/** SHA-256 of a text's UTF-8 bytes, as 64 lower-case hex digits. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** `n` random bytes in base64url. */
export function secret(rng: Rng, n: number): string {
  return Buffer.from(rng.bytes(n)).toString("base64url");
}

/** `n` random bytes in hexadecimal. */
export function hex(rng: Rng, n: number): string {
  return Buffer.from(rng.bytes(n)).toString("hex");
}
