import { Fault } from "../../base/fault.ts";

/** Nodes take what is new within moments; one that is behind for so long is not waited for. */
const HELD_MS_MAX = 20_000;
const ASK_EACH_MS = 250;

export interface AskAll {
  /** What is to be held, for people. */
  readonly what: string;
  readonly nodes: readonly { readonly name: string; readonly address: string }[];
  /** Whether it is held there; null where there is no answer at all. */
  readonly ask: (address: string) => Promise<boolean | null>;
  readonly wait: (ms: number) => Promise<void>;
  /** Told of nodes that do not answer at all. */
  readonly onSilent: (nodes: readonly string[]) => void;
  readonly heldMsMax?: number | undefined;
}

/**
 * Resolves when every node holds it: the authority may ask any of them. One that answers with something
 * else holds it up, one that does not answer at all is named and left out: nobody else gets an answer either.
 *
 * @throws Fault `challenge-not-held` when that takes too long, or no node answers
 */
export async function heldByAll(o: AskAll): Promise<void> {
  const asked = o.nodes.map(async ({ name, address }) => {
    return { name, held: await isHeldAt(address, o) };
  });
  const all = await Promise.all(asked);
  const behind = all.filter(({ held }) => held === false).map(({ name }) => name);
  const silent = all.filter(({ held }) => held === null).map(({ name }) => name);
  if (behind.length > 0 || silent.length === all.length) {
    const which = [...behind, ...silent].join(", ");
    throw new Fault("challenge-not-held", `${o.what} at ${which || "no node"}`);
  }
  if (silent.length > 0) o.onSilent(silent);
}

/** Asks until it is held, or for so long; at the end, whether the last answer was another or none. */
async function isHeldAt(
  address: string,
  { ask, wait, heldMsMax = HELD_MS_MAX }: AskAll,
): Promise<boolean | null> {
  const fromMs = performance.now();
  for (;;) {
    const held = await ask(address);
    if (held === true || performance.now() - fromMs > heldMsMax) return held;
    await wait(ASK_EACH_MS);
  }
}

/** With its port; an IPv6 address in brackets. */
export function addressOf(
  { v4, v6 }: { readonly v4?: string | undefined; readonly v6?: string | undefined },
  port: number,
): string {
  return v4 === undefined ? `[${v6}]:${port}` : `${v4}:${port}`;
}
