// Signed zones are secure to delv, a validator that trusts their keys alone. What real resolvers make of
// them is in dns-resolvers.test.ts.
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { createSocket } from "node:dgram";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeZoneKey } from "../../src/control/keys-make.ts";
import { findProgram, testWith } from "../lab/needs.ts";
import { until } from "../lab/process.ts";
import {
  anchorsOf,
  DENIED,
  delv,
  LIVE,
  type SignedServer,
  startSigned,
} from "../lab/signed-world.ts";

const dir = mkdtempSync(join(tmpdir(), "turnpike-dnssec-"));
let server: SignedServer;
let anchors: readonly string[];

beforeAll(async () => {
  server = await startSigned();
  anchors = anchorsOf(server.keys.keys());
});
afterAll(async () => {
  await server.dns.stop();
  rmSync(dir, { recursive: true, force: true });
});

describe("delv, which validates by itself", () => {
  const ask = (...words: readonly string[]) => delv({ dir, port: server.port, anchors }, ...words);

  testWith(["delv"], "accepts every kind of answer as fully validated", async () => {
    for (const [name, type] of LIVE) {
      const said = await ask(name, type);
      expect([name, type, said]).toEqual([name, type, expect.stringMatching(/^; fully validated/)]);
    }
  });

  testWith(["delv"], "accepts every kind of denial as fully validated", async () => {
    for (const [name, type] of DENIED) {
      const said = await ask(name, type);
      const secure = expect.stringContaining("fully validated");
      expect([name, type, said]).toEqual([name, type, secure]);
      expect(said).not.toContain("unsigned");
    }
  });

  testWith(["delv"], "accepts the address that new health brings", async () => {
    server.observe(["www.shop.example/one"]);
    await until(async () => (await ask("www.shop.example", "A")).includes("192.0.2.2"), {
      what: "the other server to be answered",
      withinMs: 5000,
      everyMs: 50,
    });
    expect(await ask("www.shop.example", "A")).toStartWith("; fully validated");
    server.observe([]);
  });

  testWith(
    ["delv"],
    "refuses an answer of which one octet was changed, and another zone's key",
    async () => {
      const proxy = await flipping(server.port);
      try {
        const said = await delv({ dir, port: proxy.port, anchors }, "mail.hosted.example", "A");
        expect(said).toMatch(/RRSIG failed to verify|no valid RRSIG/);
        expect(said).not.toContain("; fully validated");
      } finally {
        proxy.close();
      }
      const foreign = anchorsOf([
        makeZoneKey({ zone: "hosted.example", algorithm: 15, state: "active" }),
      ]);
      const said = await delv(
        { dir, port: server.port, anchors: foreign },
        "mail.hosted.example",
        "A",
      );
      expect(said).not.toContain("; fully validated");
    },
  );

  testWith(["delv"], "accepts every state of a roll, by the old key and by the new", async () => {
    const before = server.keys.keys();
    const old = before.find((key) => key.zone === "hosted.example")!;
    const others = before.filter((key) => key !== old);
    const next = makeZoneKey({ zone: "hosted.example", algorithm: 15, state: "prepared" });
    const secure = async (keys: typeof before, trusted: typeof before) => {
      server.keys.set([...others, ...keys]);
      const o = { dir, port: server.port, anchors: anchorsOf(trusted, [trusted[0]!.state]) };
      const tags = keys.map((key) => key.publicKey.slice(0, 40));
      await until(async () => tags.every((tag) => dnskeys().includes(tag)), {
        what: "the keys to be published",
        withinMs: 5000,
        everyMs: 50,
      });
      for (const [name, type] of [
        ["mail.hosted.example", "A"],
        ["none.hosted.example", "A"],
        ["hosted.example", "DNSKEY"],
        ["hosted.example", "CDS"],
      ] as const) {
        const said = await delv(o, name, type);
        expect([name, said]).toEqual([name, expect.stringContaining("fully validated")]);
      }
    };
    const dnskeys = () => {
      const dig = [findProgram("dig")!, "@127.0.0.1", "-p", String(server.port)];
      const words = Bun.spawnSync([...dig, "+short", "+nosplit", "hosted.example", "DNSKEY"]);
      return words.stdout.toString();
    };
    try {
      const retiring = { ...old, state: "retiring" as const };
      const active = { ...next, state: "active" as const };
      await secure([old, next], [old]);
      await secure([retiring, active], [retiring]);
      await secure([retiring, active], [active]);
      await secure([active], [active]);
    } finally {
      server.keys.set(before);
    }
  });
});

/** Passes packets on and changes an address in the answers. */
async function flipping(port: number): Promise<{ port: number; close(): void }> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const upstream = createSocket("udp4");
    upstream.on("message", (answer) => {
      const at = answer.indexOf(Buffer.from([192, 0, 2, 25]));
      if (at >= 0) answer[at + 3] = 99;
      socket.send(answer, from.port, from.address);
      upstream.close();
    });
    upstream.send(query, port, "127.0.0.1");
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return { port: socket.address().port, close: () => socket.close() };
}
