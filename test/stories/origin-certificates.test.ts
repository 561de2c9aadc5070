// A web server whose certificate is not good for its site, or none at all, is not asked (T8): nothing
// of a request reaches it, and the cache goes on.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server as TcpServer } from "node:net";
import { createServer as createTlsServer, type Server, type TLSSocket } from "node:tls";
import { seededRng } from "../../src/base/rng.ts";
import { type Authority, issue } from "../../src/cli/demo/certificate.ts";
import { Stage, type StageSite, snapshotOf } from "./edge-stage.ts";

const NET = "127.86.2";
const SHOP = "www.shop.example";
const DAY_MS = 86_400_000;
const NOW = Date.now();
const from = new Date(NOW - 10 * DAY_MS);
const root = issue({ subject: "Lab root", names: [], from, days: 900 });
const stranger = issue({ subject: "Lab root", names: [], from, days: 900 });
const middle = issue({ subject: "Lab middle", names: [], from, days: 90, by: root });
const oldMiddle = issue({ subject: "Lab old", names: [], from, days: 5, by: root });

function issued(names: readonly string[], more: { from?: Date; days?: number; by?: Authority }) {
  const one = issue({ subject: "web server", names, from, days: 90, by: root, ...more });
  // With the one that signed it, which the cache has not.
  return more.by === undefined ? one : { ...one, cert: one.cert + more.by.cert };
}

const noAuthority = issued(["shop.example"], {});

/** With its signature changed in its last octet, which loads as before. */
function forged(one: Authority): Authority {
  const der = derOf(one.cert);
  der[der.length - 1]! ^= 1;
  return { ...one, cert: pemOf(der) };
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.split("\n").slice(1, -2).join(""), "base64");
}

function pemOf(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

let stage: Stage;
/** What came to a web server after its handshake. */
let asked = "";
const servers: (Server | TcpServer)[] = [];

function siteAt(port: number): StageSite {
  const origins = [{ name: "o1", v4: `${NET}.1`, port }];
  const more = { scheme: "https", front: "caches", fetch: { ca: root.cert } } as const;
  return { hostname: SHOP, customer: "shop", port, origins, ...more };
}

async function listening(server: Server | TcpServer): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, `${NET}.1`, resolve));
  return (server.address() as { port: number }).port;
}

/** A web server that shows this; its port. */
function showing(pair: { readonly cert: string; readonly key: string }): Promise<number> {
  const server = createTlsServer({ cert: pair.cert, key: pair.key }, (socket: TLSSocket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      asked += bytes.toString("latin1");
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    });
  });
  server.on("tlsClientError", () => {});
  return listening(server);
}

async function statusAt(port: number, path: string): Promise<number> {
  stage.publish(snapshotOf([siteAt(port)]));
  return (await stage.get(`http://${SHOP}${path}`)).status;
}

beforeAll(async () => {
  stage = new Stage(snapshotOf([siteAt(1)]), `${NET}.9`);
  await stage.start();
});
afterEach(async () => {
  for (const server of servers.splice(0)) {
    await new Promise((resolve) => server.close(resolve));
  }
  asked = "";
});
afterAll(() => stage.stop());

describe("a web server", () => {
  for (const [what, pair] of [
    ["by the site's authority", issued([SHOP], {})],
    ["by a wildcard of it", issued(["*.shop.example"], {})],
    ["by another between them", issued([SHOP], { by: middle })],
  ] as const) {
    test(`whose certificate is good ${what} is asked`, async () => {
      expect(await statusAt(await showing(pair), `/${what.length}`)).toBe(200);
      expect(asked).toContain(`host: ${SHOP}`);
    });
  }

  test("whose site names authorities that cannot be read is not asked, and another is", async () => {
    const port = await showing(issued([SHOP], {}));
    const site = siteAt(port);
    const garbage = "-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n";
    stage.publish(snapshotOf([{ ...site, fetch: { ca: garbage } }]));
    const said = await stage.get(`http://${SHOP}/unreadable`);
    expect(said.status).toBe(502);
    expect(said.headers.get("proxy-status")).toContain("error=tls_certificate_error");
    expect(asked).toBe("");
    expect(await statusAt(port, "/readable")).toBe(200);
  });

  for (const [what, pair] of [
    ["has ended", issued([SHOP], { days: 9 })],
    ["has not begun", issued([SHOP], { from: new Date(NOW + 2 * DAY_MS) })],
    ["names another host", issued(["www.news.example"], {})],
    ["is for one label more", issued(["*.example"], {})],
    ["is for one label less", issued(["*.www.shop.example"], {})],
    ["names nobody", issued([], {})],
    ["is of another authority of the same name", issued([SHOP], { by: stranger })],
    ["is its own authority's", issue({ subject: SHOP, names: [SHOP], from, days: 90 })],
    ["is signed by one that may sign none", issued([SHOP], { by: noAuthority })],
    ["is signed by one that has ended", issued([SHOP], { by: oldMiddle })],
    ["was changed in its signature", forged(issued([SHOP], {}))],
  ] as const) {
    test(`whose certificate ${what} is not asked (T8)`, async () => {
      expect(await statusAt(await showing(pair), "/secret")).toBe(502);
      expect(asked).toBe("");
    });
  }
});

/** Lengths in front, as TLS has them. */
function sized(octets: number, body: Buffer): Buffer {
  const length = Buffer.alloc(octets);
  length.writeUIntBE(body.length, 0, octets);
  return Buffer.concat([length, body]);
}

/** Handshake messages of TLS 1.2 (RFC 5246 7.4) in records of 16 KB at most. */
function records(messages: Buffer): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < messages.length; at += 16_384) {
    const part = messages.subarray(at, at + 16_384);
    parts.push(Buffer.from([22, 3, 3]), sized(2, part));
  }
  return Buffer.concat(parts);
}

const message = (kind: number, body: Buffer) => Buffer.concat([Buffer.of(kind), sized(3, body)]);
const HELLO = message(
  2,
  Buffer.concat([
    ...[Buffer.of(3, 3), Buffer.alloc(32, 7), Buffer.of(0)],
    // ECDHE with ECDSA, AES-128-GCM; no compression; renegotiation_info, extended_master_secret.
    ...[Buffer.of(0xc0, 0x2b, 0)],
    sized(2, Buffer.of(0xff, 1, 0, 1, 0, 0, 23, 0, 0)),
  ]),
);
const DONE = message(14, Buffer.alloc(0));

/** The Certificate message with these, whatever they are. */
function shown(...all: readonly Buffer[]): Buffer {
  return message(11, sized(3, Buffer.concat(all.map((one) => sized(3, one)))));
}

function broken(): [what: string, messages: Buffer][] {
  const der = derOf(issued([SHOP], {}).cert);
  const rng = seededRng(86);
  const flipped = Array.from({ length: 20 }, (_, i): [string, Buffer] => {
    const changed = Buffer.from(der);
    const at = Math.floor(rng.float() * der.length);
    changed[at]! ^= 1 + Math.floor(rng.float() * 255);
    return [`one octet changed (${i})`, shown(changed)];
  });
  // Sequences in sequences, each with an indefinite length.
  const deep = Buffer.alloc(60_000, Buffer.of(0x30, 0x80));
  const long = message(11, sized(3, sized(3, der)));
  long.writeUIntBE(der.length + 100, 7, 3);
  return [
    ["none", shown()],
    ["an empty one", shown(Buffer.alloc(0))],
    ["octets that are no DER", shown(Buffer.from("not a certificate at all"))],
    ["a part of one", shown(der.subarray(0, der.length / 2))],
    ["one with octets behind it", shown(Buffer.concat([der, Buffer.alloc(9)]))],
    ["depths of nothing", shown(deep)],
    ["one longer than its message", long],
    ["three hundred of them", shown(...Array.from({ length: 300 }, () => der))],
    ["sixteen million octets, of which few come", Buffer.of(11, 255, 255, 255, 0, 0, 0)],
    ...flipped,
  ];
}

describe("a web server that speaks TLS and shows what is no certificate", () => {
  test("is not asked, whatever it is, and the next good one is (T8)", async () => {
    const good = await showing(issued([SHOP], {}));
    for (const [what, messages] of broken()) {
      const told = records(Buffer.concat([HELLO, messages, DONE]));
      let hellos = 0;
      const liar = createServer({ allowHalfOpen: false }, (socket) => {
        socket.on("error", () => {});
        socket.on("data", (bytes) => {
          if (hellos++ > 0) {
            // A kind of record that only comes once keys are agreed upon.
            if (bytes[0] === 23) asked += what;
          } else if (what.startsWith("sixteen")) socket.end(told);
          else socket.write(told);
        });
      });
      const port = await listening(liar);
      expect([what, await statusAt(port, `/of-${port}`)]).toEqual([what, 502]);
      expect([what, hellos > 0]).toEqual([what, true]);
    }
    expect(asked).toBe("");
    expect(await statusAt(good, "/good")).toBe(200);
  });
});
