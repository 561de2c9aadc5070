import { Fault } from "../../base/fault.ts";

/** Nodes take what is new within moments; one that is behind for so long is not waited for. */
const HELD_MS_MAX = 20_000;
/** One that has said nothing for so long, two questions or more, is not waited for either. */
const SILENT_MS_MAX = 5_000;
const ASK_EACH_MS = 250;

export interface AskAll {
  /** What is to be held, for people. */
  readonly what: string;
  readonly nodes: readonly AskedNode[];
  /** Whether it is held there; null where there is no answer at all. */
  readonly ask: (address: string) => Promise<boolean | null>;
  readonly wait: (ms: number) => Promise<void>;
  /** Told of nodes that do not answer at all. */
  readonly onSilent: (nodes: readonly string[]) => void;
  readonly heldMsMax?: number | undefined;
  /** Real time, ms, from any beginning; tests give theirs. */
  readonly nowMs?: (() => number) | undefined;
}

export interface AskedNode {
  readonly name: string;
  readonly address: string;
  /** Known to be down: asked once, in case it is not. */
  readonly isDown: boolean;
}

/**
 * Resolves when every node that answers holds it: the authority may ask any of them. So the rule is not a
 * majority, but all:
 *
 *   answers with it            holds it
 *   answers with another, or   is waited for, HELD_MS_MAX at most: then the order fails, and is tried again
 *   none, but answers
 *   silent for SILENT_MS_MAX   is named and left out: nobody else gets an answer of it either
 *   known down, and silent     is left out at once
 *
 * @throws Fault `challenge-not-held` when that takes too long, or no node answers
 */
export async function heldByAll(o: AskAll): Promise<void> {
  const asked = o.nodes.map(async (node) => {
    return { name: node.name, held: await isHeldAt(node, o) };
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

/** Whether the node came to hold it, answered with something else to the end, or was silent (null). */
async function isHeldAt(
  { address, isDown }: AskedNode,
  { ask, wait, heldMsMax = HELD_MS_MAX, nowMs = () => performance.now() }: AskAll,
): Promise<boolean | null> {
  const fromMs = nowMs();
  let heardMs = fromMs;
  for (;;) {
    const held = await ask(address);
    const atMs = nowMs();
    if (held !== null) heardMs = atMs;
    const isSilent = held === null && (isDown || atMs - heardMs > SILENT_MS_MAX);
    if (held === true || isSilent || atMs - fromMs > heldMsMax) return held;
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
