import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { realClock } from "../../base/real/clock.ts";
import { realRng } from "../../base/real/rng.ts";
import { echoReplyNonce, encodeEcho } from "../../wire/probe/mod.ts";
import { withServer } from "./check.contract.ts";
import { checkIcmp, type IcmpCheckOptions } from "./icmp.ts";
import { pingerOf } from "./ping-socket.ts";

const mayPing = pingerOf(4, () => realClock.monoMs()) !== null;

function run(more: Partial<IcmpCheckOptions>) {
  const base = { address: "127.0.0.1", port: 1, timeoutMs: 10_000, clock: realClock, rng: realRng };
  return checkIcmp({ ...base, ...more });
}

describe("checkIcmp()", () => {
  test.skipIf(!mayPing)(
    `measures an echo of loopback${mayPing ? "" : " [skipped: ping is forbidden here]"}`,
    async () => {
      const outcomes = await Promise.all(Array.from({ length: 20 }, () => run({})));
      for (const { ok, totalMs } of outcomes) {
        expect(ok).toBe(true);
        expect(totalMs).toBeLessThan(10_000);
      }
    },
  );

  test("fails in time when no echo comes", async () => {
    const pinger = { ping: async () => null };
    expect(await run({ pinger })).toMatchObject({ ok: false, failure: "timeout" });
  });

  test("connects where ping is forbidden, takes a refusal for life, and says so", async () => {
    const note = "no ping from this machine: by TCP";
    await withServer(
      () => {},
      async (port) => expect(await run({ port, pinger: null })).toMatchObject({ ok: true, note }),
    );
    expect(await run({ pinger: null })).toMatchObject({ ok: true, failure: "", note });
  });
});

describe("echo packets", () => {
  test("carry a nonce there, and back with or without an IPv4 header", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (nonce) => {
        const bytes = encodeEcho(4, 1, nonce);
        expect(echoReplyNonce(4, bytes)).toBeNull();
        bytes[0] = 0;
        expect(echoReplyNonce(4, bytes)).toEqual(nonce);
        const raw = new Uint8Array([0x45, ...new Uint8Array(19), ...bytes]);
        expect(echoReplyNonce(4, raw)).toEqual(nonce);
      }),
    );
  });

  test("never throw, whatever arrives", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        echoReplyNonce(4, bytes);
        echoReplyNonce(6, bytes);
      }),
    );
  });
});
