/** A bug of ours: nobody in the middle catches it; the role answers 500 or SERVFAIL and counts. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/**
 * States an invariant. Throws `AssertionError` when it does not hold.
 *
 * @example assert(ttlSec >= 0, "A TTL is never negative");
 */
export function assert(condition: unknown, words: string): asserts condition {
  if (!condition) throw new AssertionError(words);
}

/** Marks a branch that the types rule out. */
export function unreachable(value: never): never {
  throw new AssertionError(`This case cannot occur: received ${String(value)}`);
}
