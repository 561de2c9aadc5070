import type { Explanation } from "../../../model/api/mod.ts";
import type { Candidate } from "../../../model/decision.ts";
import { type Fetched, fetchAt, type User } from "../client/stub.ts";
import { CLIENTS, NODES, SHOP, SHOP_ALIAS, ZONE } from "../layout.ts";
import type { Origin } from "../origin/origin.ts";
import type { Stage } from "../stage.ts";

/** One sentence of the contract and the way to see whether it holds. */
export interface Claim {
  readonly group: string;
  readonly words: string;
  /** Resolves to the evidence; throws what was seen instead. */
  run(scene: Scene): Promise<string>;
}

/** What clients have received from caches so far, by site: what a bill must agree with. */
export interface Received {
  readonly requests: number;
  readonly bytes: number;
}

/** Longest wait for a change of the world to show in answers: measured, judged, published. */
export const MOVE_MS = 20_000;

/** What all claims share: the stage, and a count of every byte that caches sent. */
export class Scene {
  readonly stage: Stage;
  readonly received = new Map<string, Received>();
  /** What the ledger held before the checks, by site. */
  baseline: ReadonlyMap<string, Received> = new Map();
  #nonce = 0;

  constructor(stage: Stage) {
    this.stage = stage;
  }

  user(network: string): User {
    const user = this.stage.users.get(network);
    if (user === undefined) throw new Error(`no client network ${network}`);
    return user;
  }

  origin(id: string): Origin {
    const origin = this.stage.world.origins.get(id);
    if (origin === undefined) throw new Error(`no origin ${id}`);
    return origin;
  }

  /** A path that nobody has asked for yet. */
  freshPath(what: string): string {
    return `/img/${what}-${process.pid}-${++this.#nonce}.bin`;
  }

  /** The second address in its first form: one name for all caches and customers. */
  cacheUrl(hostname: string, path: string): string {
    return `http://c.${ZONE}:${this.stage.ports.http}/${hostname}${path}`;
  }

  pageUrl(hostname: string, path = "/"): string {
    return `http://${hostname}:${this.stage.ports.http}${path}`;
  }

  /** Looks up and fetches as a client does; counts what a cache sent, for its site. */
  async visit(user: User, url: string, init: BunFetchRequestInit = {}): Promise<Fetched> {
    const address = await user.lookup(new URL(url).hostname);
    return this.fetchAt(address, url, init);
  }

  async fetchAt(address: string, url: string, init: BunFetchRequestInit = {}): Promise<Fetched> {
    const got = await fetchAt(address, url, init);
    if (NODES.some((node) => node.v4 === address)) this.#count(url, got.body.length);
    return got;
  }

  #count(url: string, bytes: number): void {
    const hostname = siteOf(url);
    const sum = this.received.get(hostname) ?? { requests: 0, bytes: 0 };
    this.received.set(hostname, { requests: sum.requests + 1, bytes: sum.bytes + bytes });
  }

  /** Explain for a user of the client network. */
  explain(name: string, network: string): Promise<Explanation> {
    const place = CLIENTS.find((c) => c.name === network);
    if (place === undefined) throw new Error(`no client network ${network}`);
    return this.stage.operator.api.explain(name, place.user);
  }

  /** Ids of the shop's origins whose access log has this path. */
  askedFor(path: string): readonly string[] {
    return [...this.stage.world.origins.values()]
      .filter((origin) => origin.visits({ path }).length > 0)
      .map((origin) => origin.id);
  }
}

/** `http://c.<zone>/<hostname>/...`, `http://<hostname>.<zone>/...` or the hostname itself. */
function siteOf(url: string): string {
  const { hostname, pathname } = new URL(url);
  if (hostname === `c.${ZONE}`) return pathname.split("/")[1] ?? "";
  return hostname === SHOP_ALIAS ? SHOP.hostname : hostname.replace(`.${ZONE}`, "");
}

/** `fra 0.20 by cpu, nyc 0.40 by cpu`: every candidate's load, lowest first. */
export function loadsOf(explained: Explanation): string {
  return [...candidatesOf(explained)]
    .sort((a, b) => a.load - b.load)
    .map((c) => `${c.name} ${c.state === "up" ? "" : `${c.state} `}${loadOf(c)}`)
    .join(", ");
}

export function loadOf(c: Candidate): string {
  return `${c.load.toFixed(2)} by ${c.loadFrom ?? "the pool's median"}`;
}

export function candidatesOf(explained: Explanation): readonly Candidate[] {
  return explained.decision?.reasons ?? [];
}

export function candidateOf(explained: Explanation, name: string): Candidate {
  const found = candidatesOf(explained).find((c) => c.name === name);
  if (found === undefined) throw new Error(`explain has no candidate ${name}`);
  return found;
}

/** The usable candidate with the lowest measured load. */
export function lowestOf(explained: Explanation): Candidate {
  const usable = candidatesOf(explained).filter((c) => c.state === "up");
  const [first, ...others] = usable;
  if (first === undefined) throw new Error("no candidate is up");
  return others.reduce((a, b) => (b.load < a.load ? b : a), first);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** `fra (127.21.1.1)` for an address of the demo. */
export function placed(address: string): string {
  const origin = SHOP.origins.find((o) => o.v4 === address);
  const node = NODES.find((n) => n.v4 === address);
  const name = origin?.name ?? node?.name;
  return name === undefined ? address : `${name} (${address})`;
}
