import { readFile } from "node:fs/promises";
import type { z } from "zod";
import type { Rng } from "../base/rng.ts";
import { masterKey, sealParts, unseal } from "./sealed.ts";
import { writeSecretFile } from "./secret-file.ts";

/** Elements of a list that are written in one go: 200 to 300 KB of certificates. */
const LIST_PART = 64;

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
 * Replaces the copy whole, part by part while others have their turns. Only its owner can read it.
 *
 * @param value plain, and not to be changed until it is written
 * @throws Fault of the disk
 */
export async function writeSealedCopy<T extends object>(
  file: SealedCopy,
  { name }: CopyKind<T>,
  value: T,
): Promise<void> {
  const { path, masterPath, rng } = file;
  const master = masterKey(masterPath, rng, true);
  await writeSecretFile(path, sealParts(master, { name, parts: octetsOf(value), rng }));
}

function* octetsOf(value: object): Generator<Uint8Array> {
  for (const text of jsonParts(value)) yield Buffer.from(text);
}

/**
 * What `JSON.stringify()` makes of a plain object, in parts: its lists are cut after so many elements, so
 * that a long one (tens of thousands of certificates) does not hold up the loop.
 */
export function* jsonParts(value: object): Generator<string> {
  let before = "{";
  for (const [name, field] of Object.entries(value)) {
    const start = `${before}${JSON.stringify(name)}:`;
    if (Array.isArray(field)) yield* listParts(start, field);
    else if (field !== undefined) yield `${start}${JSON.stringify(field)}`;
    if (field !== undefined) before = ",";
  }
  yield before === "{" ? "{}" : "}";
}

function* listParts(start: string, list: readonly unknown[]): Generator<string> {
  let before = `${start}[`;
  for (let i = 0; i < list.length; i += LIST_PART) {
    yield `${before}${JSON.stringify(list.slice(i, i + LIST_PART)).slice(1, -1)}`;
    before = ",";
  }
  yield list.length === 0 ? `${before}]` : "]";
}
