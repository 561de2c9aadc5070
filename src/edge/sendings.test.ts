import { expect, test } from "bun:test";
import { nothingSent } from "./hot/ask.ts";
import type { Connection } from "./hot/serve.ts";
import type { TcpAsk } from "./netlink.ts";
import { Sendings } from "./sendings.ts";

const HELD = 3_000_000;

/** Connections by their ports; what each has acknowledged, null for those that are gone. */
function stage() {
  const acked = new Map<number, number | null>();
  let asked = 0;
  const tcp: TcpAsk = {
    sent({ remotePort }) {
      asked++;
      const bytes = acked.get(remotePort) ?? null;
      return bytes === null ? null : { acked: bytes, queued: 0 };
    },
    stop: () => {},
  };
  const sendings = new Sendings(tcp, ["127.0.0.1"]);
  const over: number[] = [];
  const send = (port: number) => {
    acked.set(port, 0);
    const sent = nothingSent(true);
    sent.held = HELD;
    const connection = {
      ...{ port: 80, hostname: "127.0.0.1", timeout: () => {} },
      requestIP: () => ({ address: "127.0.0.1", port }),
    } as unknown as Connection;
    const leaving = new AbortController();
    const request = new Request("http://x/", { signal: leaving.signal });
    sendings.watch(request, connection, { sent, over: () => over.push(port) });
    return { sent, leave: () => leaving.abort() };
  };
  const look = (times: number) => {
    for (let i = 0; i < times; i++) sendings.look();
  };
  return { acked, sendings, over, send, look, asked: () => asked };
}

test("thousands of connections that go at once are counted 2 s later, and asked about once", () => {
  const { acked, sendings, over, send, look, asked } = stage();
  const all = Array.from({ length: 5_000 }, (_, i) => send(1_000 + i));
  for (const port of acked.keys()) acked.set(port, null);
  const before = asked();
  // Looks of 200 connections each find all of them gone; the last one waits its 2 s from then on.
  look(25);
  expect([over.length, sendings.open]).toEqual([0, 5_000]);
  look(40);
  expect([over.length, sendings.open, sendings.any]).toEqual([5_000, 0, false]);
  expect(asked() - before).toBe(5_000);
  expect(all.every(({ sent }) => sent.bytes === HELD)).toBe(true);
  sendings.stop();
});

test("a client that is told to have left within that time is counted as far as it had come", () => {
  const { acked, over, send, look, sendings } = stage();
  const { sent, leave } = send(1_000);
  acked.set(1_000, 70_000);
  look(1);
  acked.set(1_000, null);
  look(5);
  leave();
  expect([sent.bytes, over]).toEqual([70_000, [1_000]]);
  look(60);
  expect([sent.bytes, over, sendings.open]).toEqual([70_000, [1_000], 0]);
  sendings.stop();
});

test("a port that is used again is another connection", () => {
  const { acked, over, send, look, sendings } = stage();
  const first = send(1_000);
  acked.set(1_000, null);
  look(1);
  const second = send(1_000);
  acked.set(1_000, HELD);
  look(1);
  expect([first.sent.bytes, second.sent.bytes, over]).toEqual([0, HELD, [1_000]]);
  look(40);
  expect([first.sent.bytes, over]).toEqual([HELD, [1_000, 1_000]]);
  sendings.stop();
});
