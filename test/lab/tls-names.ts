/**
 * The HTTPS listener of a cache with a certificate for each of many names, as a process of its own:
 * `tls-names.ts ADDRESS COUNT`. It answers lines of standard input with lines of JSON: `told` says what it
 * took so far, `change N` gives the name of that number another certificate.
 */
import { createInterface } from "node:readline";
import { silentLog } from "../../src/base/log.ts";
import { realClock } from "../../src/base/real/clock.ts";
import { issue } from "../../src/cli/demo/certificate.ts";
import type { NamedTls } from "../../src/edge/named-tls.ts";
import { TlsDoor } from "../../src/edge/tls-door.ts";

export interface NamesTold {
  readonly port: number;
  /** Of the last opening, ms: the loop stands still for so long. */
  readonly openMs: number;
  readonly rssBytes: number;
  /** Of this process since its start, us. */
  readonly cpuMicros: number;
}

const FROM = new Date(Date.UTC(2020, 0, 1));
const DAYS = 10_000;

export function nameOf(i: number): string {
  return `s${i}.shop.example`;
}

function named(i: number, id: string): NamedTls {
  const { cert, key } = issue({ subject: id, names: [nameOf(i)], from: FROM, days: DAYS });
  return { id, serverName: nameOf(i), cert, key };
}

async function serve(hostname: string, count: number): Promise<void> {
  const own = issue({ subject: "own", names: ["c.cdn.example"], from: FROM, days: DAYS });
  let shown = Array.from({ length: count }, (_, i) => named(i, `first ${i}`));
  const before = process.memoryUsage.rss();
  let from = performance.now();
  const door = await TlsDoor.start(() => new Response("ok"), {
    ...{ hosts: [hostname], port: 0, own, named: () => shown, clock: realClock, log: silentLog },
    drainMs: 500,
  });
  let openMs = performance.now() - from;
  const tell = () => {
    const { user, system } = process.cpuUsage();
    const rssBytes = process.memoryUsage.rss() - before;
    const told: NamesTold = { port: door.port, openMs, rssBytes, cpuMicros: user + system };
    process.stdout.write(`${JSON.stringify(told)}\n`);
  };
  tell();
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const [word, n] = line.split(" ");
    if (word === "change") {
      const i = Number(n);
      shown = shown.with(i, named(i, `next ${i} ${performance.now()}`));
      from = performance.now();
      door.changed();
      openMs = performance.now() - from;
    }
    tell();
  });
  lines.on("close", () => process.exit(0));
}

if (import.meta.main) await serve(process.argv[2] ?? "127.0.0.1", Number(process.argv[3] ?? 1));
