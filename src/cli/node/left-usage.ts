import { UsageSender, type UsageSenderOptions } from "./usage-sender.ts";
import { openUsageSpool } from "./usage-spool.ts";

const LOOK_MS = 500;

interface Left {
  readonly sender: UsageSender;
  close(): Promise<void>;
}

/**
 * Sends usage that lies in folders of processes that do not run any more, such as those of workers beyond a
 * number that was lowered. Each batch keeps its name, so that one which had been sent before is not billed
 * again; a folder whose usage has all been taken is left empty.
 */
export function sendLeftUsage(
  dirs: readonly string[],
  o: UsageSenderOptions,
): { stop(): Promise<void> } {
  const waiting = new Map<string, Left | null>(dirs.map((dir) => [dir, null]));
  let stopped = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const step = async (dir: string, opened: Left | null) => {
    const left = opened ?? (await open(dir, o));
    waiting.set(dir, left);
    if (stopped || !left.sender.isDue || !(await left.sender.send())) return;
    waiting.delete(dir);
    await left.close();
  };
  const run = async () => {
    for (const [dir, opened] of [...waiting]) {
      await step(dir, opened).catch((error: unknown) => {
        waiting.delete(dir);
        o.log.error("Usage that was left behind cannot be read; it stays there", { dir, error });
      });
    }
    if (stopped || waiting.size === 0) return;
    timer = setTimeout(() => {
      running = run();
    }, LOOK_MS);
  };
  let running = run();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
      for (const left of waiting.values()) await left?.close();
    },
  };
}

async function open(dir: string, o: UsageSenderOptions): Promise<Left> {
  const { spool, journal } = await openUsageSpool({ dir, log: o.log });
  const close = async () => {
    await spool.close();
    await journal.close();
  };
  return { sender: new UsageSender(o, spool), close };
}
