import { createCipheriv, createDecipheriv } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import { diskFault } from "./disk-fault.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Secrets at rest in an envelope: each is encrypted with a key of its own, and that with the master
 * key, both by AES-256-GCM. `name` is bound to both, so that no envelope passes for another.
 */
export function seal(
  master: Uint8Array,
  o: { readonly name: string; readonly secret: Uint8Array; readonly rng: Rng },
): Uint8Array {
  const { name, secret, rng } = o;
  return Buffer.concat([...sealParts(master, { name, parts: [secret], rng })]);
}

/** The envelope that `seal()` makes, in parts, of a secret that comes in parts: each is asked for as it is needed. */
export function* sealParts(
  master: Uint8Array,
  o: { readonly name: string; readonly parts: Iterable<Uint8Array>; readonly rng: Rng },
): Generator<Uint8Array> {
  const { name, parts, rng } = o;
  const own = rng.bytes(KEY_BYTES);
  const nonce = rng.bytes(NONCE_BYTES);
  yield* encrypt(master, name, { parts: [own], nonce: rng.bytes(NONCE_BYTES) });
  yield* encrypt(own, name, { parts, nonce });
}

/** @throws Error when the master key or the name is another, or an octet was changed */
export function unseal(master: Uint8Array, name: string, sealed: Uint8Array): Uint8Array {
  const outer = NONCE_BYTES + KEY_BYTES + TAG_BYTES;
  const own = decrypt(master, name, sealed.subarray(0, outer));
  return decrypt(own, name, sealed.subarray(outer));
}

function* encrypt(
  key: Uint8Array,
  name: string,
  o: { readonly parts: Iterable<Uint8Array>; readonly nonce: Uint8Array },
): Generator<Uint8Array> {
  const cipher = createCipheriv("aes-256-gcm", key, o.nonce);
  cipher.setAAD(Buffer.from(name));
  yield o.nonce;
  for (const part of o.parts) yield cipher.update(part);
  yield Buffer.concat([cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Uint8Array, name: string, octets: Uint8Array): Uint8Array {
  const end = octets.length - TAG_BYTES;
  const options = { authTagLength: TAG_BYTES };
  const nonce = octets.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce, options);
  decipher.setAAD(Buffer.from(name));
  decipher.setAuthTag(octets.subarray(end));
  return Buffer.concat([decipher.update(octets.subarray(NONCE_BYTES, end)), decipher.final()]);
}

/**
 * The master key of a file that only its owner may read; made if there is none and `fresh` says that
 * nothing has been sealed yet.
 *
 * @throws Fault `store-corrupt` when the file is gone or holds something else, or of the disk
 */
export function masterKey(path: string, rng: Rng, fresh: boolean): Uint8Array {
  const kept = readKept(path);
  if (kept !== null) {
    const key = Buffer.from(kept.trim(), "base64");
    if (key.length !== KEY_BYTES) throw new Fault("store-corrupt", `${path} is no master key`);
    return key;
  }
  if (!fresh) throw new Fault("store-corrupt", `${path} is gone, with which keys are sealed`);
  const made = rng.bytes(KEY_BYTES);
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(path, `${Buffer.from(made).toString("base64")}\n`, {
      mode: 0o600,
      flag: "wx",
      flush: true,
    });
  } catch (error) {
    throw diskFault(error, path);
  }
  return made;
}

function readKept(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw diskFault(error, path);
  }
}
