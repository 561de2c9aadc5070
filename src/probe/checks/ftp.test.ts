import { describe, expect, test } from "bun:test";
import { realClock } from "../../base/real/clock.ts";
import { checkContract, pour, withServer } from "./check.contract.ts";
import { type FtpFixture, ftpBehaviour } from "./ftp.fixture.ts";
import { checkFtp, type FtpCheckOptions } from "./ftp.ts";

function run(port: number, timeoutMs: number, more: Partial<FtpCheckOptions> = {}) {
  return checkFtp({
    address: "127.0.0.1",
    port,
    user: "probe",
    password: "word",
    timeoutMs,
    clock: realClock,
    ...more,
  });
}

function against(fixture: FtpFixture, more: Partial<FtpCheckOptions> = {}) {
  return withServer(ftpBehaviour(fixture), (port) => run(port, 10_000, more));
}

checkContract({
  name: "checkFtp()",
  run,
  right: ftpBehaviour({ user: "probe", password: "word" }),
  endlessHead: "220-",
  trickleHead: "220-",
  lies: {
    "no service": { sends: "421 secret\r\n", verdict: "greeting 421" },
    "another protocol": { sends: "SSH-2.0-OpenSSH_9.2\r\n", verdict: "not ftp" },
    "all answers at once, then goodbye": {
      sends: "220 a\r\n331 b\r\n221 c\r\n",
      verdict: "broken connection",
    },
  },
  verdicts: {
    silent: "timeout",
    garbage: "not ftp",
    endless: "not ftp",
    endlessGarbage: "not ftp",
    hangsUp: "not ftp",
    resets: "reset",
    trickles: "timeout",
  },
});

describe("checkFtp()", () => {
  test("says that the sign-in was refused, not what the server said", async () => {
    const outcome = await against({ password: "other" });
    expect(outcome).toMatchObject({ ok: false, failure: "login refused" });
    expect(JSON.stringify(outcome)).not.toContain("secret");
  });

  test("retrieves a file and times greeting and whole", async () => {
    const outcome = await against({ file: "hello", delayMs: 60 }, { path: "/hello.txt" });
    expect(outcome).toMatchObject({ ok: true, failure: "" });
    expect(outcome.connectMs).toBeLessThanOrEqual(outcome.firstByteMs ?? 0);
    expect(outcome.firstByteMs).toBeGreaterThanOrEqual(55);
    expect(outcome.totalMs).toBeGreaterThanOrEqual(outcome.firstByteMs ?? 0);
  });

  test("a file that is not there is a failure", async () => {
    expect((await against({}, { path: "/none" })).ok).toBe(false);
  });

  test("stops at the byte limit of an endless file and is content", async () => {
    const chunk = new Uint8Array(65_536);
    const outcome = await against(
      { file: "endless", pour: (socket) => pour(socket, chunk) },
      { path: "/endless" },
    );
    expect(outcome).toMatchObject({ ok: true, failure: "" });
  });

  test("never connects where a PASV answer points away from the server", async () => {
    const outcome = await against({ file: "x", pasvHost: "10.1.2.3" }, { path: "/x" });
    expect(outcome.ok).toBe(false);
    expect(outcome.failure).not.toBe("timeout");
  });
});
