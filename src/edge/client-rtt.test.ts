import { describe, expect, test } from "bun:test";
import { connect, createServer } from "node:net";
import { SMALL, snapshotOf } from "../../test/fixtures/network.ts";
import type { Clock } from "../base/clock.ts";
import { realClock } from "../base/real/clock.ts";
import type { TcpPeer } from "../wire/probe/mod.ts";
import { startClientRtt } from "./client-rtt.ts";
import { openTcpDiag } from "./netlink.ts";

const LOCAL = new Uint8Array([192, 0, 2, 1]);

function world(hosts = ["0.0.0.0"]) {
  let nowMs = 1000;
  let peers: TcpPeer[] = [];
  const clock: Clock = { ...realClock, monoMs: () => nowMs, wallMs: () => nowMs };
  const diag = {
    dump: (_port: number, take: (peer: TcpPeer) => void) => {
      for (const peer of peers) take(peer);
      return true;
    },
  };
  const meter = startClientRtt({ diag, ports: [80], hosts, clock });
  return {
    meter,
    snapshot: snapshotOf(SMALL),
    sweep(clients: readonly (readonly [string, number | null])[], laterMs = 3000) {
      nowMs += laterMs;
      peers = clients.map(([address, rttMs]) => {
        return { address: Uint8Array.from(address.split(".").map(Number)), local: LOCAL, rttMs };
      });
      meter.sweep();
    },
  };
}

describe("startClientRtt()", () => {
  test("takes other caches of the network that ask this one for no clients", () => {
    const { meter, snapshot, sweep } = world();
    meter.take(snapshot);
    const [node] = snapshot.nodes;
    sweep([[node!.v4!, 7]]);
    expect([meter.connections(), meter.take(snapshot)]).toEqual([1, {}]);
  });

  test("folds connections by network and group, and forgets what is a minute old", () => {
    const { meter, snapshot, sweep } = world();
    sweep([
      ["203.0.113.7", 40],
      ["203.0.113.8", 44],
      ["203.0.113.9", 400],
      ["198.51.100.1", 9],
      ["10.1.1.1", 5],
      ["127.0.0.1", 0.1],
      ["203.0.113.10", null],
    ]);
    expect(meter.connections()).toBe(7);
    expect(meter.take(snapshot)).toEqual({
      clientRtt: {
        berlin: { rttMs: 44, samples: 3, networks: 1 },
        boston: { rttMs: 9, samples: 1, networks: 1 },
      },
      networks: { "10.1.1.0/24": { rttMs: 5, samples: 1 } },
    });
    sweep([["198.51.100.1", 9]], 59_000);
    sweep([], 2000);
    expect(Object.keys(meter.take(snapshot).clientRtt ?? {})).toEqual(["boston"]);
    meter.stop();
  });

  test("counts only connections to its own addresses", () => {
    const { meter, sweep } = world(["192.0.2.9"]);
    sweep([["203.0.113.7", 40]]);
    expect(meter.connections()).toBe(0);
    meter.stop();
  });

  test("remembers a bounded number of networks, the newest", () => {
    const { meter, snapshot, sweep } = world();
    sweep([["203.0.113.7", 40]]);
    const many = Array.from(
      { length: 20_001 },
      (_, i) => [`10.${i >> 8}.${i & 255}.1`, 5] as const,
    );
    sweep(many);
    expect(meter.take(snapshot).clientRtt).toEqual({});
    meter.stop();
  });

  test("tells of networks in no group every ten seconds, those with most connections", () => {
    const { meter, snapshot, sweep } = world();
    const many = Array.from({ length: 300 }, (_, i) => [`10.0.${i & 255}.${i >> 8}`, 5] as const);
    sweep(many);
    const told = meter.take(snapshot).networks ?? {};
    expect(Object.keys(told)).toHaveLength(200);
    expect(told["10.0.7.0/24"]).toEqual({ rttMs: 5, samples: 2 });
    sweep(many);
    expect(meter.take(snapshot).networks).toBeUndefined();
    sweep(many, 7000);
    expect(Object.keys(meter.take(snapshot).networks ?? {})).toHaveLength(200);
    meter.stop();
  });

  test("says nothing where the kernel does not", () => {
    const o = { diag: null, ports: [80], hosts: ["0.0.0.0"], clock: realClock };
    const meter = startClientRtt(o);
    meter.sweep();
    expect([meter.connections(), meter.take(snapshotOf(SMALL))]).toEqual([null, {}]);
    meter.stop();
  });
});

const diag = openTcpDiag();
test.skipIf(diag === null)(
  `the kernel tells of real connections${diag === null ? " [skipped: no socket diagnostics here]" : ""}`,
  async () => {
    const server = createServer((socket) => socket.end("hello"));
    await new Promise<void>((resolve) => server.listen(0, "127.83.0.1", resolve));
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    server.removeAllListeners("connection");
    server.on("connection", (socket) => socket.write("hello"));
    const clients = Array.from({ length: 5 }, () => connect({ host: "127.83.0.1", port }));
    try {
      for (const client of clients) await new Promise((resolve) => client.once("data", resolve));
      const peers: TcpPeer[] = [];
      expect(diag?.dump(port, (peer) => peers.push(peer))).toBe(true);
      expect(peers).toHaveLength(5);
      for (const { local, rttMs } of peers) {
        expect([...local]).toEqual([127, 83, 0, 1]);
        expect(rttMs).toBeGreaterThan(0);
        expect(rttMs).toBeLessThan(1000);
      }
    } finally {
      for (const client of clients) client.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  },
);
