/** A condition did not come about in time; `seen` is what was there instead. */
export class TooLate extends Error {
  override readonly name = "TooLate";
}

const POLL_MS = 40;

/**
 * Asks until `ask` gives a value and returns it with the time it took. `ask` may throw or return
 * null while the condition does not hold; `seen` tells what stood in its way at the end.
 */
export async function until<T>(
  what: string,
  boundMs: number,
  ask: () => Promise<T | null> | T | null,
): Promise<{ readonly value: T; readonly tookMs: number }> {
  const beganMs = performance.now();
  let seen = "nothing";
  for (;;) {
    try {
      const value = await ask();
      if (value !== null) return { value, tookMs: performance.now() - beganMs };
    } catch (cause) {
      seen = cause instanceof Error ? cause.message : String(cause);
    }
    if (performance.now() - beganMs > boundMs)
      throw new TooLate(`${what}: not within ${boundMs} ms; last seen: ${seen}`);
    await Bun.sleep(POLL_MS);
  }
}

/** For `until`: holds, or says what was seen instead. */
export function expectThat(holds: boolean, seen: string): true {
  if (!holds) throw new Error(seen);
  return true;
}
