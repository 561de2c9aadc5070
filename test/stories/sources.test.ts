import { afterAll, beforeAll, describe, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { whyNot } from "../lab/needs.ts";
import { until } from "../lab/process.ts";
import { PORTS, ZONE } from "../lab/small-network.ts";
import { KINDS, type Kind, SourcesWorld } from "./sources-world.ts";

const why = whyNot(["root", "nginx", "vsftpd", "snmpd"]);
const story = why === null ? test : test.skip;
const reason = why === null ? "" : ` [skipped: ${why}]`;
const CACHES = `c.${ZONE}`;
const WAIT_MS = 60_000;

/** How one source is worsened, and what explain must name then. */
interface Worsening {
  readonly name: string;
  readonly kind: string;
  readonly words: RegExp;
  /** Makes the server at this address worse; returns the way to end it. */
  worsen(address: string): Promise<() => unknown>;
}

let world: SourcesWorld;

describe("each source of load alone, worsened on one of two servers", () => {
  beforeAll(async () => {
    if (why !== null) return;
    world = await SourcesWorld.start();
    await world.publish();
  }, 60_000);

  afterAll(async () => {
    await world?.close();
  }, 30_000);

  /** Waits until the loads of both are known and low, so that one source alone makes the difference. */
  async function calm(name: string): Promise<void> {
    const low = async () => {
      const first = await world.answered(name);
      const one = await world.explained(name, first);
      return one !== undefined && one.state === "up" && one.loadKnown && one.load < 0.4;
    };
    await until(low, { what: `${name} to be calm`, withinMs: WAIT_MS, everyMs: 200 });
  }

  async function leaves(name: string, o: Worsening): Promise<void> {
    await calm(name);
    const address = await world.answered(name);
    const end = await o.worsen(address);
    try {
      let named = "";
      const moved = async () => {
        const left = (await world.answered(name)) !== address;
        const seen = await world.explained(name, address);
        named = JSON.stringify(seen?.sources);
        const [source] = seen?.sources ?? [];
        return left && seen?.loadFrom === o.kind && o.words.test(source?.detail ?? "");
      };
      const what = `${name} to leave ${address} for its ${o.name}`;
      await until(moved, { what, withinMs: WAIT_MS, everyMs: 100 }).catch((error: unknown) => {
        throw new Error(`${String(error)}: ${named}`);
      });
    } finally {
      await end();
    }
  }

  const machine = (address: string, load: Parameters<typeof set>[1]) => set(address, load);
  function set(
    address: string,
    load: { cpu?: number; memory?: number; networkBytesPerSec?: number },
  ) {
    const calmed = { cpu: 0.05, memory: 0.3, networkBytesPerSec: 0 };
    world.of(address).machine.set(load);
    return Promise.resolve(() => world.of(address).machine.set(calmed));
  }
  const slowed = async (of: "web" | "ftp", address: string) => {
    world.of(address)[of].delayMs = 300;
    return () => {
      world.of(address)[of].delayMs = 0;
    };
  };

  const byExporter: Readonly<Record<"cpu" | "memory" | "network", Worsening>> = {
    cpu: {
      ...{ name: "CPU", kind: "cpu", words: /^busy \d+ % of 2 CPUs/ },
      worsen: (address) => machine(address, { cpu: 0.95 }),
    },
    memory: {
      ...{ name: "memory", kind: "memory", words: /^used 98 % of 8\.0 GiB/ },
      worsen: (address) => machine(address, { memory: 0.98 }),
    },
    network: {
      ...{ name: "network", kind: "network", words: /^eth0 [\d.]+ of 125\.0 MB\/s/ },
      worsen: (address) => machine(address, { networkBytesPerSec: 115_000_000 }),
    },
  };
  const http: Worsening = {
    ...{ name: "HTTP response", kind: "http", words: /^ewma \d+ ms, idle .* limit 500 ms/ },
    worsen: (address) => slowed("web", address),
  };
  const ftp: Worsening = {
    ...{ name: "FTP response", kind: "ftp", words: /^ewma \d+ ms, idle .* limit 500 ms/ },
    worsen: (address) => slowed("ftp", address),
  };

  const ofOrigins: Readonly<Record<Kind, Worsening>> = {
    ...byExporter,
    http,
    ftp,
    snmp: {
      ...{ name: "memory by SNMP", kind: "memory", words: /^SNMP: used 98 %/ },
      worsen: async (address) => {
        await world.setFreeMemory(address, 20_000);
        return () => {};
      },
    },
    push: {
      ...{ name: "pushed load", kind: "reported", words: /^pushed: current 95, target 100/ },
      worsen: async (address) => {
        const origin = Number(address.split(".")[3]) % 2 === 0 ? "o0" : "o1";
        const path = `/customers/shop/sites/push.shop.example/origins/${origin}/load`;
        await world.api.must("POST", path, { current: 95, target: 100, ttlSec: 60 });
        return () => {};
      },
    },
  };

  story(
    `of an origin (${KINDS.join(", ")}): the answer goes to the other, and explain names it${reason}`,
    async () => {
      const all = KINDS.map((kind) => leaves(`${kind}.shop.example`, ofOrigins[kind]));
      await Promise.all(all);
    },
    120_000,
  );

  const nodeOf = (address: string) => (address === world.at(11) ? "one" : "two");

  /** Clients that hold connections to the cache itself. */
  async function hold(address: string, count: number): Promise<() => void> {
    const host = world.at(nodeOf(address) === "one" ? 1 : 2);
    const sockets: Socket[] = Array.from({ length: count }, () => connect(PORTS.http, host));
    const again = setInterval(() => {
      for (const socket of sockets) {
        socket.write(`GET /.well-known/turnpike/health HTTP/1.1\r\nHost: ${CACHES}\r\n\r\n`);
      }
    }, 1000);
    for (const socket of sockets) {
      socket.on("error", () => {});
      socket.on("data", () => {});
    }
    return () => {
      clearInterval(again);
      for (const socket of sockets) socket.destroy();
    };
  }

  /** Clients that fetch a large object from the cache itself again and again. */
  async function download(address: string): Promise<() => void> {
    const host = world.at(nodeOf(address) === "one" ? 1 : 2);
    const timer = setInterval(() => {
      fetch(`http://${host}:${PORTS.http}/big.bin`, {
        headers: { host: `http.shop.example.${ZONE}` },
      })
        .then((response) => response.arrayBuffer())
        .catch(() => {});
    }, 250);
    return () => clearInterval(timer);
  }

  /** Holds the cache's process up for 400 ms of each second: its timers run late. */
  async function stall(address: string): Promise<() => void> {
    const pid = world.pid(nodeOf(address));
    let resume: ReturnType<typeof setTimeout> | undefined;
    const timer = setInterval(() => {
      process.kill(pid, "SIGSTOP");
      resume = setTimeout(() => process.kill(pid, "SIGCONT"), 400);
    }, 1000);
    return () => {
      clearInterval(timer);
      clearTimeout(resume);
      process.kill(pid, "SIGCONT");
    };
  }

  const ofCaches: readonly Worsening[] = [
    http,
    ftp,
    {
      ...{
        name: "connections",
        kind: "connections",
        words: /^self-reported: \d+ of 40 connections/,
      },
      worsen: (address) => hold(address, 38),
    },
    {
      ...{
        name: "bandwidth",
        kind: "network",
        words: /^self-reported: sends [\d.]+ of 4\.0 MB\/s/,
      },
      worsen: download,
    },
  ];

  for (const one of ofCaches) {
    story(
      `${one.name} of a cache: the answer goes to the other, and explain names it${reason}`,
      () => leaves(CACHES, one),
      150_000,
    );
  }

  story(
    `event-loop delay of a cache: the answer goes to the other, and explain names it${reason}`,
    async () => {
      const words = /^self-reported: timers [\d.]+ ms late/;
      // The first node decides and answers as well: it is the other one that is held up.
      if ((await world.answered(CACHES)) === world.at(11)) await leaves(CACHES, http);
      await leaves(CACHES, { name: "event loop", kind: "loop", words, worsen: stall });
    },
    200_000,
  );

  story(
    `CPU, memory and network of a cache: the answer goes to the other, and explain names it${reason}`,
    async () => {
      world.cachesTellNetwork = true;
      for (const one of Object.values(byExporter)) await leaves(CACHES, one);
    },
    240_000,
  );
});
