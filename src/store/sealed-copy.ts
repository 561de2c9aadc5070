import { readFile } from "node:fs/promises";
import type { z } from "zod";
import type { Rng } from "../base/rng.ts";
import { masterKey, seal, unseal } from "./sealed.ts";
import { writeSecretFile } from "./secret-file.ts";

/** A node's own copy of secrets that control gave it, sealed with a master key of this node. */
export interface SealedCopy {
  readonly path: string;
  readonly masterPath: string;
  readonly rng: Rng;
}

/** What is kept so. */
export interface CopyKind<T> {
  /** Bound to the envelope, so that no other copy passes for it. */
  readonly name: string;
  readonly shape: z.ZodType<T>;
}

/** Null when there is none that can be read. */
export async function readSealedCopy<T>(file: SealedCopy, o: CopyKind<T>): Promise<T | null> {
  try {
    const sealed = await readFile(file.path);
    const plain = unseal(masterKey(file.masterPath, file.rng, false), o.name, sealed);
    return o.shape.parse(JSON.parse(Buffer.from(plain).toString()));
  } catch {
    return null;
  }
}

/**
 * Replaces the copy whole. Only its owner can read it.
 *
 * @throws Fault of the disk
 */
export async function writeSealedCopy<T>(
  file: SealedCopy,
  { name }: CopyKind<T>,
  value: T,
): Promise<void> {
  const { path, masterPath, rng } = file;
  const secret = Buffer.from(JSON.stringify(value));
  await writeSecretFile(path, seal(masterKey(masterPath, rng, true), { name, secret, rng }));
}
