import { listenFault } from "../../base/listen-fault.ts";
import type { Log } from "../../base/log.ts";

/** What a role shows: lines of the Prometheus text format, each with a final line feed. */
export type MetricsSource = () => string | Promise<string>;

/** The node's `/metrics` (`listen.metrics`): whatever each of its roles shows, one after the other. */
export function startMetrics(o: {
  readonly listen: { readonly host: string; readonly port: number };
  readonly sources: readonly MetricsSource[];
  readonly log: Log;
}): { readonly port: number; stop(): Promise<void> } {
  const { host, port } = o.listen;
  const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
  try {
    const server = Bun.serve({
      hostname: host,
      port,
      routes: {
        "/metrics": async () => {
          const texts = await Promise.all(o.sources.map((source) => source()));
          return new Response(texts.join(""), { headers });
        },
      },
      fetch: () => new Response("Not found\n", { status: 404 }),
      error: (error) => {
        o.log.error("Cannot show metrics", { error });
        return new Response("Cannot show metrics\n", { status: 500 });
      },
    });
    return { port: server.port ?? port, stop: () => server.stop(true) };
  } catch (error) {
    throw listenFault(error, `${host}:${port} (metrics)`);
  }
}

/** Of this process, by the names that Prometheus' own libraries use. */
export function processText(): string {
  const { user, system } = process.cpuUsage();
  return [
    "# TYPE process_cpu_seconds_total counter",
    `process_cpu_seconds_total ${(user + system) / 1e6}`,
    ...memoryLines(),
    "",
  ].join("\n");
}

/** Nothing where no descriptor is free to read it by. */
function memoryLines(): readonly string[] {
  try {
    const { rss, heapUsed } = process.memoryUsage();
    return [
      "# TYPE process_resident_memory_bytes gauge",
      `process_resident_memory_bytes ${rss}`,
      "# TYPE process_heap_bytes gauge",
      `process_heap_bytes ${heapUsed}`,
    ];
  } catch {
    return [];
  }
}
