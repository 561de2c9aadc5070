import { Fault } from "../base/fault.ts";
import type { LogLevel } from "../base/log.ts";
import { realClock } from "../base/real/clock.ts";
import { jsonLog } from "../base/real/log.ts";
import { realRng } from "../base/real/rng.ts";
import type { Problem } from "../base/result.ts";
import { type Frame, SpokeBus } from "../bus/mod.ts";
import type { NodeFile } from "../model/node-file.ts";
import type { ChildPlace, Started } from "./node/start.ts";

export type ChildKind = "node" | "control";

/** What the supervisor says to a child. */
export type ToChild =
  | { t: "start"; kind: ChildKind; file: NodeFile; logLevel: LogLevel; place?: ChildPlace }
  | { t: "metrics"; id: number }
  /** The text of the oldest `print` that was not answered is out. */
  | { t: "printed" }
  | { t: "bus"; frame: Frame }
  | { t: "stop" };

/** What a child says to the supervisor. */
export type FromChild =
  | { t: "ready"; listens: Readonly<Record<string, string>> }
  | { t: "failed"; words: string; code: string; problems: readonly Problem[] }
  | { t: "metrics"; id: number; text: string }
  /** For the standard output, which one process writes to: lines of several would mix. */
  | { t: "print"; text: string }
  | { t: "bus"; frame: Frame };

/**
 * The life of a child process: it is told what to start, says how that went, passes bus frames, and
 * ends when told to or when the supervisor is gone (so a killed supervisor leaves no orphans).
 */
export function runChild(): void {
  const say = (message: FromChild) => {
    if (process.connected) process.send?.(message);
  };
  const onFrame: ((frame: Frame) => void)[] = [];
  const printing: (() => void)[] = [];
  const print = (text: string) =>
    new Promise<void>((done) => {
      printing.push(done);
      say({ t: "print", text });
    });
  let started: Started | null = null;
  process.on("SIGINT", () => {});
  process.on("disconnect", () => process.exit(0));
  process.on("message", (message: ToChild) => {
    if (message.t === "bus") {
      for (const handler of onFrame) handler(message.frame);
    } else if (message.t === "stop") {
      void (started?.stop() ?? Promise.resolve()).finally(() => process.exit(0));
    } else if (message.t === "printed") {
      printing.shift()?.();
    } else if (message.t === "metrics") {
      say({ t: "metrics", id: message.id, text: started?.metrics?.() ?? "" });
    } else {
      const log = jsonLog(message.logLevel);
      const bus = new SpokeBus(
        {
          send: (frame) => say({ t: "bus", frame }),
          onFrame: (handler) => onFrame.push(handler),
        },
        (error, subject) => log.error("A bus handler failed", { subject, error }),
      );
      const world = { bus, clock: realClock, rng: realRng, log, print };
      process.on("unhandledRejection", (error) => log.error("Unhandled rejection", { error }));
      startKind(message, world).then(
        (running) => {
          started = running;
          say({ t: "ready", listens: running.listens });
        },
        (error: unknown) => {
          say({ t: "failed", ...describe(error) });
          setTimeout(() => process.exit(2), 100);
        },
      );
    }
  });
}

async function startKind(
  { kind, file, place }: ToChild & { t: "start" },
  world: import("./node/start.ts").World,
): Promise<Started> {
  if (kind === "control") {
    const { startControlProcess } = await import("./node/control.ts");
    return startControlProcess(file, world);
  }
  const { startNode } = await import("./node/start.ts");
  return startNode(file, world, place);
}

function describe(error: unknown): { words: string; code: string; problems: readonly Problem[] } {
  if (error instanceof Fault) {
    return { words: error.detail, code: error.code, problems: error.problems };
  }
  const words = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { words, code: "bug", problems: [] };
}
