import type { Clock } from "../../base/clock.ts";
import { selfSigned } from "./certificate.ts";
import {
  ADDED_HOSTNAME,
  NEWS,
  NODES,
  PAPER_HOSTNAME,
  type Ports,
  SHOP,
  type SitePlace,
  SPARE,
  ZONE,
} from "./layout.ts";
import { Origin, Reporter } from "./origin/origin.ts";
import { Content } from "./origin/page.ts";

/** CPU loads at rest, by origin: far enough apart that noise never reorders them. */
const REST_CPU: Readonly<Record<string, number>> = {
  "shop/fra": 0.2,
  "shop/nyc": 0.4,
  "shop/sin": 0.6,
};
const NODE_REST_CPU = 0.1;
const REST_MEMORY = 0.5;
const REST_NETWORK_BYTES_PER_SEC = 20_000;
const NEWS_REST_DELAY_MS = 5;

/** Everything outside the product: the customers' web servers, and what machines report. */
export interface World {
  /** By `<customer>/<name>`. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** What each of our own machines reports, by node name. */
  readonly nodes: ReadonlyMap<string, Reporter>;
  /** All at rest: alive, undelayed, loads as at the start. */
  calm(): void;
  stop(): Promise<void>;
}

/** Starts every web server, exporter and FTP server; on failure nothing is left running. */
export async function startWorld(o: {
  readonly clock: Clock;
  readonly ports: Ports;
}): Promise<World> {
  const origins = new Map<string, Origin>();
  const nodes = new Map<string, Reporter>();
  const news = { ...NEWS, origins: [...NEWS.origins, SPARE] };
  for (const origin of [
    ...originsOf(o, SHOP, [SHOP.hostname]),
    ...originsOf(o, news, [NEWS.hostname, PAPER_HOSTNAME, ADDED_HOSTNAME]),
  ])
    origins.set(origin.id, origin);
  for (const node of NODES) nodes.set(node.name, new Reporter(o.clock, node.v4, o.ports));
  const stop = async () => {
    await Promise.all([...origins.values()].map((origin) => origin.kill()));
    await Promise.all([...nodes.values()].map((node) => node.stop()));
  };
  const calm = () => {
    for (const origin of origins.values()) calmOrigin(origin);
    for (const node of nodes.values()) calmReporter(node, NODE_REST_CPU);
  };
  try {
    calm();
    for (const node of nodes.values()) node.start();
  } catch (cause) {
    await stop();
    throw cause;
  }
  return { origins, nodes, calm, stop };
}

function originsOf(
  o: { readonly clock: Clock; readonly ports: Ports },
  place: SitePlace,
  hostnames: readonly string[],
): readonly Origin[] {
  const sites = new Map(hostnames.map((hostname) => [hostname, new Content(hostname)]));
  const certificate = selfSigned(hostnames, new Date(o.clock.wallMs()));
  return place.origins.map(
    ({ name, v4 }) =>
      new Origin({
        ...o,
        id: `${place.customer}/${name}`,
        name,
        address: v4,
        zone: ZONE,
        sites,
        reports: place.reports,
        certificate,
      }),
  );
}

function calmOrigin(origin: Origin): void {
  if (!origin.alive) origin.revive();
  origin.web.delayMs = origin.reporter === null ? NEWS_REST_DELAY_MS : 0;
  if (origin.reporter !== null) calmReporter(origin.reporter, restCpu(origin.id));
}

/** What an origin's CPU is at when nothing happens. */
export function restCpu(originId: string): number {
  return REST_CPU[originId] ?? 0.3;
}

function calmReporter(reporter: Reporter, cpu: number): void {
  const networkBytesPerSec = REST_NETWORK_BYTES_PER_SEC;
  reporter.machine.set({ cpu, memory: REST_MEMORY, networkBytesPerSec });
  reporter.ftpDelayMs = 0;
}
