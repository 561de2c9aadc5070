// TLS sessions as OpenSSL's own client resumes them: over TLS 1.2 and 1.3, and across a change of
// certificates, which ends them without a failed request. Nothing older is spoken.
import { afterAll, describe, expect } from "bun:test";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { NamedTls } from "../../src/edge/named-tls.ts";
import { TlsDoor } from "../../src/edge/tls-door.ts";
import { testWith } from "../lab/needs.ts";

const HOST = "127.64.34.1";
const SHOP = "www.shop.example";
const dir = mkdtempSync(join(tmpdir(), "turnpike-sessions-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

let made = 0;
function named(): NamedTls & { readonly serial: string } {
  const pair = selfSigned([SHOP], new Date());
  const serial = new X509Certificate(pair.cert).serialNumber;
  return { ...pair, id: String(made++), serverName: SHOP, serial };
}

async function openDoor() {
  const first = named();
  const shown = [first];
  const door = await TlsDoor.start(() => new Response("ok"), {
    ...{ hosts: [HOST], port: 0, own: selfSigned(["c.cdn.example"], new Date()) },
    ...{ named: () => shown, clock: new FakeClock(), log: silentLog, drainMs: 50 },
  });
  return { door, shown, first };
}

interface Said {
  readonly isReused: boolean;
  readonly version: string;
  readonly serial: string;
  readonly status: string;
}

/** One request by `openssl s_client`; its session is kept in, and taken from, files. Null: refused. */
async function ask(port: number, flags: readonly string[]): Promise<Said | null> {
  const to = ["-connect", `${HOST}:${port}`, "-servername", SHOP];
  const client = Bun.spawn(["openssl", "s_client", ...to, "-ign_eof", ...flags], {
    ...{ stdin: "pipe", stdout: "pipe", stderr: "pipe" },
  });
  client.stdin.write(`GET / HTTP/1.1\r\nHost: ${SHOP}\r\nConnection: close\r\n\r\n`);
  client.stdin.end();
  const said = await new Response(client.stdout).text();
  await client.exited;
  const [, how = "", version = ""] = /^(New|Reused), (TLSv[\d.]+),/m.exec(said) ?? [];
  if (how === "") return null;
  const pem = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/.exec(said)?.[0];
  return {
    ...{ isReused: how === "Reused", version },
    serial: pem === undefined ? "" : new X509Certificate(pem).serialNumber,
    status: /^HTTP\/1\.1 (\d+)/m.exec(said)?.[1] ?? "",
  };
}

const needs = ["openssl"];
describe("a session", () => {
  for (const [flag, version] of [
    ["-tls1_2", "TLSv1.2"],
    ["-tls1_3", "TLSv1.3"],
  ] as const) {
    testWith(
      needs,
      `of ${version} is resumed, and after a change a new one takes its place`,
      async () => {
        const { door, shown, first } = await openDoor();
        const file = join(dir, version);
        const fresh = await ask(door.port, [flag, "-sess_out", file]);
        const whole = { isReused: false, version, status: "200" };
        expect(fresh).toEqual({ ...whole, serial: first.serial });
        const again = await ask(door.port, [flag, "-sess_in", file]);
        expect(again).toMatchObject({ isReused: true, version, status: "200" });
        const next = named();
        shown[0] = next;
        door.changed();
        // The kernel gives it all new connections at once where it can be told; else soon.
        let after: Said | null = null;
        for (let tries = 0; tries < 50 && after?.serial !== next.serial; tries++) {
          after = await ask(door.port, [flag, "-sess_in", file]);
          expect(after?.status).toBe("200");
        }
        expect(after).toEqual({ ...whole, serial: next.serial });
        await door.stop();
      },
    );
  }
});

describe("what is older than TLS 1.2", () => {
  for (const flag of ["-tls1", "-tls1_1"]) {
    testWith(needs, `is refused: ${flag}`, async () => {
      const { door } = await openDoor();
      // As lax as this client can be, so that it is the cache that refuses.
      const lax = ["-cipher", "ALL:@SECLEVEL=0"];
      expect(await ask(door.port, [flag, ...lax])).toBeNull();
      expect((await ask(door.port, ["-tls1_2", ...lax]))?.status).toBe("200");
      await door.stop();
    });
  }
});
