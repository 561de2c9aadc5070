const CLIENTS = 32;

export interface MissFlood {
  /** So many requests; */
  readonly requests: number;
  /** or for so long, where that is more than 0. */
  readonly seconds: number;
  /** Asks for the n-th object; false where it did not come as it should. */
  readonly ask: (n: number) => Promise<boolean>;
  /** What is watched meanwhile, once in so many requests. */
  readonly bytes: () => number;
  readonly lookEach: number;
}

/** Asks for objects that nobody asked for before, as many as the run takes, by 32 clients. */
export async function floodWithMisses(
  o: MissFlood,
): Promise<{ asked: number; failed: number; peak: number }> {
  const until = performance.now() + o.seconds * 1000;
  const goesOn = () => (o.seconds > 0 ? performance.now() < until : next < o.requests);
  let next = 0;
  let failed = 0;
  let peak = 0;
  const client = async () => {
    while (goesOn()) {
      const n = next++;
      if (!(await o.ask(n))) failed++;
      if (n % o.lookEach === 0) peak = Math.max(peak, o.bytes());
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { asked: next, failed, peak: Math.max(peak, o.bytes()) };
}
