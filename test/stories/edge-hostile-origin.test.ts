import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { gzipSync } from "node:zlib";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, snapshotOf, until } from "./edge-stage.ts";
import { type Said, TwoWays } from "./edge-two-ways.ts";

const NET = "127.98";
const SITE = "www.bank.example";

let server: Server;
let stage: Stage;
/** What the origin does on each request. */
let act: (socket: Socket) => void = () => {};
let asked = 0;
const open = new Set<Socket>();
const ways = new TwoWays(() => stage);

const GOOD = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\ngood";
const CACHED = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n";

beforeAll(async () => {
  server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => {});
    socket.on("data", () => {
      asked++;
      act(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, `${NET}.0.1`, resolve));
  const { port } = server.address() as { port: number };
  const origins = [{ name: "o1", v4: `${NET}.0.1`, port }];
  const site = { hostname: SITE, customer: "bank", port, front: "caches" as const, origins };
  stage = new Stage(snapshotOf([site]), `${NET}.9.1`);
  await stage.start({ tls: selfSigned([SITE], new Date()) });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  for (const socket of open) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const isHit = (reply: Said) => reply.headers.get("cache-status")?.includes("; hit") ?? false;
const bytes = (text: string) => Buffer.from(text, "latin1");

type Ask = (path: string, fields?: Record<string, string>) => Promise<Said>;

/** After this the origin answers well: was anything kept of what it said before, or left over? */
async function expectNothingKept(get: Ask, path: string): Promise<void> {
  act = (socket) => socket.write(GOOD);
  const after = await get(path);
  expect([after.status, after.text, isHit(after)]).toEqual([200, "good", false]);
  const other = await get(`${path}-other`);
  expect([other.status, other.text]).toEqual([200, "good"]);
}

const many = (line: string, times: number) => line.repeat(times);

/** What it writes, and what the client gets: a status, or "cut" where the head went out before. */
const LIES: readonly (readonly [string, string, number | "cut"])[] = [
  [
    "both framings",
    `${CACHED}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    502,
  ],
  ["two lengths", `${CACHED}Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde`, 502],
  ["one length twice", `${CACHED}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`, 502],
  ["a length with a sign", `${CACHED}Content-Length: +3\r\n\r\nabc`, 502],
  ["a length in hexadecimal", `${CACHED}Content-Length: 0x3\r\n\r\nabc`, 502],
  ["a negative length", `${CACHED}Content-Length: -1\r\n\r\nabc`, 502],
  [
    "a coding nobody knows",
    `${CACHED}Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`,
    502,
  ],
  ["two codings", `${CACHED}Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`, 502],
  [
    "chunks in HTTP/1.0",
    "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    502,
  ],
  ["a chunk ended by LF", `${CACHED}Transfer-Encoding: chunked\r\n\r\n3\nabc\n0\n\n`, 502],
  [
    "a chunk of another size",
    `${CACHED}Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n`,
    502,
  ],
  [
    "a chunk beyond counting",
    `${CACHED}Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabc`,
    502,
  ],
  ["two responses", `${CACHED}Content-Length: 3\r\n\r\nabc${GOOD.replace("good", "evil")}`, 502],
  ["two responses, the first empty", `${CACHED}Content-Length: 0\r\n\r\n${GOOD}`, 502],
  [
    "a response after the chunks",
    `${CACHED}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${GOOD}`,
    502,
  ],
  ["10,000 interim answers", `${many("HTTP/1.1 103 Early Hints\r\n\r\n", 10_000)}${GOOD}`, 502],
  ["a switch of protocols", "HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n", 502],
  [
    "1 MB of fields",
    `${CACHED}${many(`X-A: ${"b".repeat(1_000)}\r\n`, 1_000)}Content-Length: 3\r\n\r\nabc`,
    502,
  ],
  [
    "one field of 1 MB",
    `${CACHED}X-A: ${"b".repeat(1_000_000)}\r\nContent-Length: 3\r\n\r\nabc`,
    502,
  ],
  ["a folded field", `${CACHED}X-A: b\r\n c\r\nContent-Length: 3\r\n\r\nabc`, 502],
  ["control bytes in a field", `${CACHED}X-A: b\x01c\r\nContent-Length: 3\r\n\r\nabc`, 502],
  ["a bare CR in a field", `${CACHED}X-A: b\rContent-Length: 3\r\n\r\nabc`, 502],
  ["a line without a colon", `${CACHED}nonsense\r\nContent-Length: 3\r\n\r\nabc`, 502],
  ["no status line", "hello\r\n\r\n", 502],
  ["a status beyond 599", "HTTP/1.1 999 Oh\r\nContent-Length: 0\r\n\r\n", 502],
  ["another protocol", "SSH-2.0-OpenSSH_9.2\r\n", 502],
  ["HTTP/2", "\x00\x00\x00\x04\x00\x00\x00\x00\x00", 502],
];

for (const [via, ask] of ways.both) {
  const get: Ask = (path, fields = {}) =>
    ask(`http://${SITE}/${via.replace(/\D/g, "")}${path}`, { fields });

  describe(`over ${via}`, () => {
    describe("an origin that lies", () => {
      for (const [i, [what, words, status]] of LIES.entries()) {
        test(`${what}: ${status}, and nothing is stored (H5)`, async () => {
          const before = asked;
          act = (socket) => socket.end(bytes(words));
          const reply = await get(`/lie-${i}`);
          expect(reply.status).toBe(status as number);
          expect(reply.headers.get("proxy-status")).toContain("error=http_protocol_error");
          expect(asked).toBe(before + 1);
          await expectNothingKept(get, `/lie-${i}`);
        });
      }

      test("bytes after the end of a body are nobody's answer (H5)", async () => {
        act = (socket) => socket.write(`${CACHED}Content-Length: 3\r\n\r\nabcdef`);
        expect((await get("/more")).text).toBe("abc");
        act = (socket) => socket.write(GOOD);
        expect((await get("/next")).text).toBe("good");
      });

      test("what comes on a connection that waits for nothing is nobody's answer (H4, H5)", async () => {
        let unasked: Socket | null = null;
        act = (socket) => {
          unasked = socket;
          socket.write(GOOD);
          setTimeout(() => socket.write(GOOD.replace("good", "evil")), 5);
        };
        expect((await get("/unasked")).text).toBe("good");
        act = (socket) => socket.write(GOOD);
        await until(() => unasked !== null && !open.has(unasked));
        for (let i = 0; i < 5; i++) expect((await get(`/unasked-${i}`)).text).toBe("good");
      });
    });

    describe("an origin that dies in the middle", () => {
      const halves: readonly (readonly [string, string])[] = [
        ["of the head", "HTTP/1.1 200 OK\r\nCache-Con"],
        ["of a body with a length", `${CACHED}Content-Length: 100\r\n\r\nshort`],
        ["of a body in chunks", `${CACHED}Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n`],
        ["of the trailers", `${CACHED}Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n0\r\nX-T`],
      ];
      for (const [i, [where, words]] of halves.entries()) {
        for (const how of ["end", "reset"] as const) {
          test(`${where}, by ${how}: 502, and nothing is stored (H5)`, async () => {
            act = (socket) => {
              if (how === "end") socket.end(words);
              else socket.write(words, () => socket.resetAndDestroy());
            };
            expect((await get(`/half-${i}-${how}`)).status).toBe(502);
            await expectNothingKept(get, `/half-${i}-${how}`);
          });
        }
      }

      test("a large body that breaks off reaches the client broken, and is not stored (H5)", async () => {
        const part = Buffer.alloc(2_000_000, "x");
        act = (socket) => {
          socket.write(`${CACHED}Content-Length: 5000000\r\n\r\n`);
          socket.write(part, () => socket.resetAndDestroy());
        };
        const whole = await get("/large").then(
          (reply) => reply.body.length,
          () => "broken",
        );
        expect(whole).toBe("broken");
        await expectNothingKept(get, "/large");
      });

      test("a body that would end with its connection, and is broken off, reaches the client broken (H5)", async () => {
        const ends = ["end", "reset"] as const;
        for (const how of ends) {
          act = (socket) => {
            socket.write("HTTP/1.1 200 OK\r\n\r\n");
            socket.write("all of it", () => {
              if (how === "end") socket.end();
              else socket.resetAndDestroy();
            });
          };
          const text = await get(`/unframed-${how}`).then(
            (reply) => (reply.status === 200 ? reply.text : "broken"),
            () => "broken",
          );
          expect([how, text]).toEqual([how, how === "end" ? "all of it" : "broken"]);
        }
      });
    });

    test("the same origin can still be asked for everything else", async () => {
      act = (socket) => socket.write(GOOD);
      const replies = await Promise.all(Array.from({ length: 50 }, (_, i) => get(`/fine-${i}`)));
      expect(new Set(replies.map((reply) => reply.text))).toEqual(new Set(["good"]));
    });

    test("a compressed bomb goes through as it came: this cache does not unpack it (H14)", async () => {
      const bomb = gzipSync(Buffer.alloc(20_000_000));
      const head = `${CACHED}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`;
      act = (socket) => socket.write(Buffer.concat([bytes(head), bomb]));
      const fields = { "accept-encoding": "gzip" };
      const reply = await get("/bomb", fields);
      expect(reply.body.equals(bomb)).toBe(true);
    });
  });
}
