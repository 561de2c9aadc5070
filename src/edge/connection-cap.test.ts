import { beforeEach, describe, expect, test } from "bun:test";
import { type Log, silentLog } from "../base/log.ts";
import { nodeConnections } from "../model/node-connections.ts";
import { clientPrefix } from "../wire/ip/mod.ts";
import type { ClientSocket, ClientSockets } from "./client-sockets.ts";
import { ConnectionCap } from "./connection-cap.ts";
import { BusyPorts } from "./hot/busy-ports.ts";
import type { ClientNetwork } from "./opening-filter.ts";

const HTTP = 80;
const HTTPS = 443;
/** Descriptors that are no client's: 0 to 9, and 7 listens. */
const OTHERS = 10;
const LISTENER = 7;

interface Conn {
  localPort: number;
  port: number;
  network: ClientNetwork;
  quietMs: number | null;
}

/** A kernel of our own. */
class Kernel implements ClientSockets {
  descriptorsMax = 20_000;
  readonly conns = new Map<number, Conn>();
  readonly others = new Set(Array.from({ length: OTHERS }, (_, fd) => fd));
  readonly shutPorts: number[] = [];
  keptOut: "everybody" | readonly ClientNetwork[] = [];
  looks = 0;
  /** What happens once it was asked how quiet they are. */
  meanwhile = () => {};

  lowestFree(): number {
    let fd = 0;
    while (this.conns.has(fd) || this.others.has(fd)) fd++;
    return Math.min(fd, this.descriptorsMax);
  }
  async list() {
    this.looks++;
    return [...this.others, ...this.conns.keys()];
  }
  look(fd: number, ports: readonly number[]): ClientSocket | "listener" | null {
    if (fd === LISTENER) return "listener";
    const conn = this.conns.get(fd);
    return conn === undefined || !ports.includes(conn.localPort) ? null : { fd, ...conn };
  }
  quietMs(fd: number): number | null {
    return this.conns.get(fd)?.quietMs ?? null;
  }
  shut(fd: number): void {
    this.shutPorts.push(this.conns.get(fd)?.port ?? -1);
    this.conns.delete(fd);
  }
  keepOut(listeners: readonly number[], of: Kernel["keptOut"]): boolean {
    if (listeners.length > 0) expect(listeners).toEqual([LISTENER]);
    this.keptOut = of;
    return true;
  }
  /** One more connection. */
  come(conn: Partial<Conn> = {}): number {
    const fd = this.lowestFree();
    const port = 40_000 + this.conns.size;
    this.conns.set(fd, {
      localPort: HTTP,
      port,
      network: v4(198, 51, 100, 1),
      quietMs: 5_000,
      ...conn,
    });
    return fd;
  }
}

function v4(...octets: readonly [number, number, number, number]): ClientNetwork {
  return { family: 4, high: new DataView(Uint8Array.from(octets).buffer).getUint32(0), low: 0 };
}

let kernel: Kernel;
let busy: Record<"http" | "https", BusyPorts>;
let nowMs: number;
let logged: { readonly words: string; readonly told: unknown }[];

beforeEach(() => {
  kernel = new Kernel();
  busy = { http: new BusyPorts(), https: new BusyPorts() };
  nowMs = 1;
  logged = [];
});

function capOf(limits: Partial<ConstructorParameters<typeof ConnectionCap>[0]["limits"]> = {}) {
  const log: Log = { ...silentLog, warn: (words, told) => void logged.push({ words, told }) };
  return new ConnectionCap({
    sockets: kernel,
    limits: { ...nodeConnections.parse({}), perClient: 10_000, among: 1, ...limits },
    doors: [
      { port: HTTP, busy: busy.http, tells: true },
      { port: HTTPS, busy: busy.https, tells: false },
    ],
    exempt: () => [clientPrefix("192.0.2.0/24")!, clientPrefix("2001:db8::53")!],
    log,
    nowMs: () => nowMs,
    turn: async () => kernel.meanwhile(),
  });
}

function comes(count: number, conn: (n: number) => Partial<Conn> = () => ({})): number[] {
  return Array.from({ length: count }, (_, n) => kernel.come({ port: 50_000 + n, ...conn(n) }));
}

describe("where nothing is said", () => {
  test("there may be 50000, or half as many as a process may open files", () => {
    const maxOf = (files: number, limits = {}) => {
      kernel.descriptorsMax = files;
      return capOf(limits).told().max;
    };
    expect([1_024, 20_000, 1_048_576].map((files) => maxOf(files))).toEqual([512, 10_000, 50_000]);
    expect(maxOf(1_048_576, { among: 4 })).toBe(12_500);
    expect(maxOf(1_048_576, { max: 200_000, among: 4 })).toBe(50_000);
    expect(logged).toEqual([]);
  });

  test("of more than that a quarter of the files is left, and that is told", () => {
    kernel.descriptorsMax = 1_000;
    expect(capOf({ max: 900 }).told().max).toBe(750);
    expect(logged.length).toBe(1);
  });

  test("one client may have a tenth, and 64 at least", async () => {
    for (const [max, most] of [
      [2_000, 200],
      [100, 64],
      [600, 64],
    ] as const) {
      kernel = new Kernel();
      const { perClient: _, ...limits } = nodeConnections.parse({});
      const cap = capOf({ ...limits, perClient: undefined, max });
      comes(most - 1, () => ({ quietMs: null }));
      await cap.look();
      expect(cap.told().pauses).toEqual({ full: 0, client: 0 });
      comes(1, () => ({ quietMs: null }));
      await cap.look();
      expect(cap.told().pauses.client).toBe(1);
    }
  });
});

describe("where as many are connected as may be", () => {
  test("a sixteenth of them, those idle longest, makes room, and new ones come in", async () => {
    const cap = capOf({ max: 32 });
    comes(31);
    await cap.look();
    expect([kernel.shutPorts, kernel.keptOut]).toEqual([[], []]);
    kernel.come({ port: 7, quietMs: 9_000 });
    kernel.conns.get(20)!.quietMs = 8_000;
    const second = kernel.conns.get(20)!.port;
    await cap.look();
    expect(kernel.shutPorts).toEqual([7, second]);
    expect(kernel.keptOut).toEqual([]);
    expect(cap.told()).toEqual({
      ...{ open: 30, max: 32 },
      ...{ closed: { full: 2, client: 0 }, pauses: { full: 0, client: 0 } },
    });
  });

  test("none is closed that has a request or an answer under way, or had just now: new ones wait", async () => {
    const cap = capOf({ max: 30 });
    comes(10, () => ({ quietMs: null }));
    const asked = comes(10, (n) => ({ localPort: n % 2 === 0 ? HTTP : HTTPS, port: 60_000 + n }));
    for (const fd of asked) {
      const { localPort, port } = kernel.conns.get(fd)!;
      busy[localPort === HTTP ? "http" : "https"].enter(port, false);
    }
    const brief = comes(10, () => ({ quietMs: 900 }));
    await cap.look();
    expect([kernel.shutPorts, kernel.keptOut]).toEqual([[], "everybody"]);
    expect(cap.told().pauses).toEqual({ full: 1, client: 0 });
    // One of them leaves.
    kernel.conns.delete(brief[0]!);
    await cap.tick();
    expect(kernel.keptOut).toEqual([]);
    expect(kernel.shutPorts).toEqual([]);
  });

  test("those that are too many are closed though they are hardly idle", async () => {
    const cap = capOf({ max: 32 });
    comes(40, () => ({ quietMs: 200 }));
    await cap.look();
    expect([kernel.shutPorts.length, kernel.conns.size, kernel.keptOut]).toEqual([
      8,
      32,
      "everybody",
    ]);
    for (const conn of kernel.conns.values()) conn.quietMs = 1_200;
    await cap.look();
    expect([kernel.conns.size, kernel.keptOut]).toEqual([30, []]);
  });

  test("who asked for something meanwhile, or has the descriptor of another, is let be", async () => {
    const changes: readonly ((conn: Conn, fd: number) => void)[] = [
      ({ port }) => busy.http.enter(port, false),
      (conn) => Object.assign(conn, { quietMs: 3 }),
      (conn) => Object.assign(conn, { port: 1 }),
      (conn) => Object.assign(conn, { localPort: 8080 }),
      (_, fd) => {
        kernel.conns.delete(fd);
        kernel.others.add(fd);
      },
      () => {},
    ];
    const shut = [];
    for (const change of changes) {
      kernel = new Kernel();
      busy.http = new BusyPorts();
      const cap = capOf({ max: 4 });
      const [fd] = comes(4, (n) => ({ quietMs: 9_000 - n }));
      let turns = 0;
      kernel.meanwhile = () => {
        // All were asked how quiet they are; none is closed yet.
        if (++turns === 2) change(kernel.conns.get(fd!)!, fd!);
      };
      await cap.look();
      shut.push(kernel.shutPorts.length);
    }
    expect(shut).toEqual([0, 0, 0, 0, 0, 1]);
  });

  test("clients get fewer where more descriptors are needed for the rest", async () => {
    kernel.descriptorsMax = 100;
    const cap = capOf({ max: 60 });
    comes(50, () => ({ quietMs: null }));
    await cap.look();
    expect(kernel.keptOut).toEqual([]);
    for (let fd = 60; fd < 85; fd++) kernel.others.add(fd);
    // 75 may be taken, and 35 are.
    await cap.look();
    expect(kernel.keptOut).toEqual("everybody");
  });
});

describe("between two looks", () => {
  test("new ones wait as soon as there may be too many, and come in where there are not", async () => {
    const cap = capOf({ max: 100 });
    await cap.look();
    comes(99, () => ({ quietMs: null }));
    expect(cap.tick()).toBeNull();
    expect(kernel.keptOut).toEqual([]);
    kernel.others.add(kernel.lowestFree());
    const look = cap.tick();
    expect(kernel.keptOut).toBe("everybody");
    await look;
    expect([kernel.keptOut, cap.told().open]).toEqual([[], 99]);
    comes(1, () => ({ quietMs: null }));
    await cap.tick();
    expect([kernel.keptOut, cap.told().open]).toEqual(["everybody", 100]);
  });

  test("a second passes, a tenth of one while some wait, and the log hears of it once a minute", async () => {
    const cap = capOf({ max: 8 });
    const looks = async () => {
      await cap.tick();
      return kernel.looks;
    };
    expect(await looks()).toBe(1);
    comes(8, () => ({ quietMs: null }));
    expect(await looks()).toBe(2);
    nowMs += 99;
    expect(await looks()).toBe(2);
    nowMs += 1;
    expect([await looks(), await looks()]).toEqual([3, 3]);
    expect(logged.length).toBe(1);
    nowMs += 60_000;
    expect([await looks(), logged.length]).toEqual([4, 2]);
    kernel.conns.clear();
    expect([await looks(), await looks()]).toEqual([5, 5]);
    nowMs += 999;
    expect(await looks()).toBe(5);
    nowMs += 1;
    expect(await looks()).toBe(6);
  });
});

describe("of one client", () => {
  const far: ClientNetwork = { family: 6, high: 0x2001_0db9, low: 7 };

  test("as many as it may have leave others alone", async () => {
    const cap = capOf({ max: 1_000, perClient: 20 });
    comes(100, (n) => ({ network: v4(203, 0, 113, n), quietMs: null }));
    comes(20, () => ({ network: far, quietMs: null }));
    await cap.look();
    expect(kernel.keptOut).toEqual([far]);
    expect(cap.told().pauses).toEqual({ full: 0, client: 1 });
    expect(JSON.stringify(logged)).toContain("2001:db9:0:7::/64");
    await cap.look();
    expect(cap.told().pauses.client).toBe(1);
  });

  test("idle ones make room first, and those that are too many are closed", async () => {
    const cap = capOf({ max: 1_000, perClient: 32 });
    comes(20);
    comes(34, () => ({ network: far, quietMs: 3_000 }));
    await cap.look();
    expect([kernel.conns.size, kernel.keptOut]).toEqual([20 + 30, []]);
    expect(cap.told().closed).toEqual({ full: 0, client: 4 });
  });

  test("who floods waits for five seconds at least", async () => {
    const cap = capOf({ max: 1_000, perClient: 32 });
    comes(35, () => ({ network: far, quietMs: 500 }));
    await cap.look();
    expect([kernel.conns.size, kernel.keptOut]).toEqual([32, [far]]);
    nowMs += 4_999;
    await cap.tick();
    expect([kernel.conns.size, kernel.keptOut]).toEqual([32, [far]]);
    kernel.conns.clear();
    await cap.look();
    expect(kernel.keptOut).toEqual([far]);
    nowMs += 1;
    await cap.look();
    expect([kernel.keptOut, cap.told().pauses.client]).toEqual([[], 1]);
  });

  test("nobody's idle ones make room for a flood that has just come", async () => {
    const cap = capOf({ max: 100, perClient: 20 });
    comes(60, (n) => ({ network: v4(203, 0, 113, n) }));
    comes(60, () => ({ network: far, quietMs: 10 }));
    await cap.look();
    expect([kernel.shutPorts, kernel.keptOut]).toEqual([[], "everybody"]);
    for (const conn of kernel.conns.values()) if (conn.quietMs === 10) conn.quietMs = 110;
    nowMs += 100;
    await cap.tick();
    expect([kernel.conns.size, kernel.keptOut]).toEqual([80, [far]]);
    expect(cap.told().closed).toEqual({ full: 0, client: 40 });
  });

  test("who is exempt may have as many as all", async () => {
    const cap = capOf({ max: 1_000, perClient: 20 });
    comes(50, () => ({ network: v4(192, 0, 2, 9), quietMs: null }));
    // Its /64 is that of one who is.
    comes(50, () => ({ network: { family: 6, high: 0x2001_0db8, low: 0 }, quietMs: null }));
    await cap.look();
    expect([kernel.keptOut, logged]).toEqual([[], []]);
  });

  test("each of several processes has its part", async () => {
    for (const [perClient, part] of [
      [40, 10],
      [undefined, 25],
    ] as const) {
      kernel = new Kernel();
      const cap = capOf({ max: 1_000, perClient, among: 4 });
      comes(part - 1, () => ({ network: far, quietMs: null }));
      await cap.look();
      expect(kernel.keptOut).toEqual([]);
      comes(1, () => ({ network: far, quietMs: null }));
      await cap.look();
      expect(kernel.keptOut).toEqual([far]);
    }
  });
});
