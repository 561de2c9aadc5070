import { describe, expect, test } from "bun:test";
import { timed } from "../../../test/lab/stall.ts";
import { realClock } from "../../base/real/clock.ts";
import { type Behaviour, pour, withServer } from "./check.contract.ts";
import { checkTls } from "./tls.ts";

const TIMEOUT_MS = 300;

async function run(port: number) {
  const name = "www.shop.example";
  const options = { address: "127.0.0.1", port, serverName: name, timeoutMs: TIMEOUT_MS };
  const check = () => checkTls({ ...options, clock: realClock });
  const { value: outcome, ownMs } = await timed(check);
  expect(ownMs).toBeLessThan(1.5 * TIMEOUT_MS + 700);
  expect(JSON.stringify(outcome)).not.toContain("secret");
  return outcome;
}

const failure = async (behave: Behaviour) => (await withServer(behave, run)).failure;

describe("checkTls()", () => {
  test("is over in time, with the right word, whoever it talks to", async () => {
    expect(await failure(() => {})).toBe("timeout");
    expect(await failure((socket) => socket.end("secret\0\xff\r\nsecret\r\n"))).toBe("not tls");
    const chunk = new Uint8Array(65_536).fill(0x61);
    expect(await failure((socket) => pour(socket, chunk))).toBe("not tls");
    const hangsUp: Behaviour = (socket) => socket.once("data", () => socket.destroy());
    expect(["reset", "not tls"]).toContain(await failure(hangsUp));
    const port = await withServer(
      () => {},
      async (free) => free,
    );
    expect((await run(port)).failure).toBe("refused");
  });
});
