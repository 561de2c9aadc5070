import { describe, expect, test } from "bun:test";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { timed } from "../../../test/lab/stall.ts";
import { realClock } from "../../base/real/clock.ts";
import { seededRng } from "../../base/rng.ts";
import { decodeMessage, encodeMessage, FLAG, isWireFault } from "../../wire/dns/mod.ts";
import { checkDns, type DnsCheckOptions } from "./dns.ts";

/** What answers has this long: a machine may stand still meanwhile. */
const RIGHT_MS = 10_000;

type Behaviour = (socket: Socket, query: Uint8Array, from: RemoteInfo) => void;

async function ask(behave: Behaviour, more: Partial<DnsCheckOptions> = {}) {
  const server = createSocket("udp4");
  server.on("message", (query, from) => behave(server, query, from));
  await new Promise<void>((resolve) => server.bind(0, "127.0.0.1", resolve));
  const timeoutMs = more.timeoutMs ?? RIGHT_MS;
  try {
    const check = () =>
      checkDns({
        address: "127.0.0.1",
        port: server.address().port,
        name: "www.shop.example",
        type: "A",
        clock: realClock,
        rng: seededRng(7),
        ...more,
        timeoutMs,
      });
    const { value: outcome, ownMs } = await timed(check);
    expect(ownMs).toBeLessThan(1.5 * timeoutMs + 500);
    return outcome;
  } finally {
    await new Promise<void>((resolve) => server.close(resolve));
  }
}

/** Answers with one address, or changed in some way. */
function answering(change: { rcode?: number; id?: number; empty?: boolean } = {}): Behaviour {
  return (socket, query, from) => {
    const asked = decodeMessage(query);
    if (isWireFault(asked)) throw new Error("the check sent no DNS");
    const data = { kind: "address", address: "192.0.2.7" } as const;
    const record = { name: asked.questions[0]!.name, type: 1, class: 1, ttlSec: 5, data };
    const answers = change.empty === true ? [] : [record];
    const id = asked.id ^ (change.id ?? 0);
    const answer = { ...asked, id, flags: FLAG.RESPONSE, rcode: change.rcode ?? 0, answers };
    const bytes = encodeMessage(answer, 512);
    if (bytes !== null) socket.send(bytes, from.port, from.address);
  };
}

describe("checkDns()", () => {
  test("passes a server that answers, with the time it took", async () => {
    const outcome = await ask(answering());
    expect(outcome).toMatchObject({ ok: true, failure: "" });
    expect(outcome.totalMs).toBeGreaterThanOrEqual(0);
    expect((await ask(answering(), { expect: "192.0.2.7" })).ok).toBe(true);
  });

  test("says what is wrong with an answer", async () => {
    const failure = async (behave: Behaviour, more: Partial<DnsCheckOptions> = {}) =>
      (await ask(behave, more)).failure;
    expect(await failure(answering({ rcode: 5 }))).toBe("rcode 5");
    expect(await failure(answering({ empty: true }))).toBe("no answer");
    expect(await failure(answering(), { expect: "192.0.2.8" })).toBe("other answer");
    const garbage: Behaviour = (socket, _, from) => socket.send("secret", from.port, from.address);
    expect(await failure(garbage)).toBe("not dns");
  });

  test("is over in time when nothing comes, when strangers answer, and when it never stops", async () => {
    const timeoutMs = 300;
    expect((await ask(() => {}, { timeoutMs })).failure).toBe("timeout");
    expect((await ask(answering({ id: 1 }), { timeoutMs })).failure).toBe("timeout");
    const flood: Behaviour = (socket, query, from) => {
      for (let i = 0; i < 1200; i++) answering({ id: 1 })(socket, query, from);
    };
    expect((await ask(flood, { timeoutMs })).ok).toBe(false);
  });

  test("says refused where nobody listens", async () => {
    expect((await ask(() => {}, { port: 1 })).failure).toBe("refused");
  });
});
