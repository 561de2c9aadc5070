import { describe, expect, test } from "bun:test";
import { timed } from "../../../test/lab/stall.ts";
import { realClock } from "../../base/real/clock.ts";
import { realRng } from "../../base/real/rng.ts";
import { SmoothedRtt, startLatencyAsker } from "./client-latency.ts";

type Reply = (query: Uint8Array) => { bytes: Uint8Array; afterMs: number } | null;

async function withResolver<T>(reply: Reply, use: (port: number) => Promise<T>): Promise<T> {
  const socket = await Bun.udpSocket({
    hostname: "127.0.0.1",
    socket: {
      data(own, bytes, port, address) {
        const answer = reply(new Uint8Array(bytes));
        if (answer !== null)
          setTimeout(() => own.send(answer.bytes, port, address), answer.afterMs);
      },
    },
  });
  try {
    return await use(socket.port);
  } finally {
    socket.close();
  }
}

function refusal(query: Uint8Array): Uint8Array {
  const bytes = query.slice();
  bytes[2] = 0x80;
  bytes[3] = 5;
  return bytes;
}

async function measure(port: number, timeoutMs: number): Promise<number | null> {
  const from = { v4: "192.0.2.1", v6: null };
  const asker = await startLatencyAsker({ from, clock: realClock, rng: realRng });
  try {
    return await asker.measure("127.0.0.1", port, timeoutMs);
  } finally {
    asker.close();
  }
}

describe("startLatencyAsker()", () => {
  test("takes even a refusal for a round trip, also where its own address is not the machine's", async () => {
    const { value: rttMs, tookMs } = await timed(() =>
      withResolver(
        (query) => ({ bytes: refusal(query), afterMs: 40 }),
        (port) => measure(port, 20_000),
      ),
    );
    expect(rttMs).toBeGreaterThanOrEqual(38);
    expect(rttMs).toBeLessThanOrEqual(tookMs);
  });

  test("measures nothing from silence, garbage, echoes and another one's id", async () => {
    const replies: Reply[] = [
      () => null,
      () => ({ bytes: new Uint8Array([1, 2, 3]), afterMs: 0 }),
      (query) => ({ bytes: query, afterMs: 0 }),
      (query) => {
        const bytes = refusal(query);
        bytes[0] = bytes[0]! ^ 0xff;
        return { bytes, afterMs: 0 };
      },
    ];
    const all = replies.map((reply) => withResolver(reply, (port) => measure(port, 100)));
    expect(await Promise.all(all)).toEqual([null, null, null, null]);
  });

  test("settles what is under way when it is closed", async () => {
    const from = { v4: null, v6: null };
    const asker = await startLatencyAsker({ from, clock: realClock, rng: realRng });
    const asked = asker.measure("127.0.0.1", 9, 60_000);
    asker.close();
    expect(await asked).toBeNull();
  });
});

describe("SmoothedRtt", () => {
  test("is not moved by one late packet and forgets what no longer answers", () => {
    const rtt = new SmoothedRtt();
    expect(rtt.rttMs).toBeNull();
    for (const sample of [20, 21, 900, 19, 20]) rtt.add(sample);
    expect(rtt.rttMs).toBe(20);
    for (let i = 0; i < 5; i++) rtt.add(80);
    expect(rtt.rttMs).toBe(80);
    for (let i = 0; i < 5; i++) rtt.add(null);
    expect(rtt.rttMs).toBeNull();
  });
});
