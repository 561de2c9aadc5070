import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { connect } from "node:http2";
import { HTTP1_CASES, HTTP1_MUTANTS } from "../lab/http1-cases.ts";
import { HTTP2_CASES } from "../lab/http2-cases.ts";
import { type Said, sendRaw } from "../lab/raw-http1.ts";
import { END_HEADERS, FRAME, fieldBlock, frame, RawHttp2 } from "../lab/raw-http2.ts";
import { OK_REPLY, type Recorded, type Recorder } from "../lab/recorder.ts";
import { type Read, readStrictly } from "../lab/strict-reading.ts";
import { type BankStage, BANK as SITE, startBank } from "./bank-stage.ts";
import { type Stage, until } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

/** Those of `wanted` that are in `all` in the same order, each once. */
function inOrder(all: readonly string[], wanted: readonly string[]): string[] {
  let from = 0;
  return wanted.filter((one) => {
    const at = all.indexOf(one, from);
    if (at >= 0) from = at + 1;
    return at >= 0;
  });
}

function isOfSite({ host }: Read): boolean {
  return host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase() === SITE;
}

/** `METHOD target body`, the target as a web server gets it. */
function lineOf({ method, target, body }: Read | Recorded): string {
  const text = Buffer.from(target, "latin1").toString();
  const url = URL.parse(text.startsWith("/") ? `http://h${text}` : text);
  const path = url === null ? text : url.pathname + url.search;
  return `${method} ${path} ${body.toString("latin1")}`;
}

const NET = "127.97";
let bank: BankStage;
let origin: Recorder;
let stage: Stage;
const ways = new TwoWays(() => stage);

beforeAll(async () => {
  bank = await startBank({ origin: `${NET}.0.1`, edge: `${NET}.9.1` });
  ({ origin, stage } = bank);
});
afterAll(async () => {
  ways.close();
  await bank.stop();
});
beforeEach(() => origin.clear());

const plain = () => ({ address: stage.address, port: stage.edge.httpPort });
const secure = () => ({ address: stage.address, port: stage.edge.httpsPort! });

describe("over HTTP/1.1", () => {
  for (const { what, bytes, reaches, status } of HTTP1_CASES(SITE)) {
    const words = reaches === null ? "refused, and no origin hears of it" : "one request";
    test(`${what}: ${words} (H1, H2, H4, H6)`, async () => {
      const answered = (text: string) =>
        text.includes("\r\n\r\nok") || (/^HTTP\/1\.1 [45]/.test(text) && /\r\n\r\n/.test(text));
      const said = await sendRaw(plain(), [bytes], { enough: answered });
      if (reaches !== null) await until(() => origin.reached().length > 0);
      expect(origin.reached()).toEqual(reaches === null ? [] : [reaches]);
      expect(origin.malformed).toEqual([]);
      if (status === undefined) expect(said.statuses.at(-1)).toBe(200);
      else expect(said.statuses[0] ?? "closed").toBe(status);
    });
  }

  test("whatever is changed in requests, an origin gets those that stand there to the letter, and each answer is to one of them", async () => {
    const each = Number(process.env.TURNPIKE_SMUGGLES ?? 300);
    const id = () => `X-Id: ${origin.requests.length - 1}\r\n\r\n`;
    origin.reply = () => ({ bytes: OK_REPLY.bytes.toString().replace("\r\n\r\n", `\r\n${id()}`) });
    // Each from an address of its own, which no client can say in another's place.
    const addressOf = (i: number) => `127.${200 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}`;
    const sent = new Map<string, { readonly bytes: string; readonly said: Said }>();
    for (let from = 1; from <= each; from += 50) {
      const mutants = HTTP1_MUTANTS(SITE, from - 1, Math.min(50, each + 1 - from));
      await Promise.all(
        mutants.map(async (bytes, i) => {
          const address = addressOf(from + i);
          const said = await sendRaw(plain(), [bytes], { patienceMs: 250, from: address });
          sent.set(address, { bytes, said });
        }),
      );
    }
    expect(origin.malformed).toEqual([]);
    const came = origin.requests.map((request, i) => {
      const [, client] = request.fields.find(([name]) => name === "x-forwarded-for") ?? ["", ""];
      return { client, line: lineOf(request), id: String(i) };
    });
    // Of other tests some may come late; those come from 127.0.0.1.
    const known = new Set([...sent.keys(), "127.0.0.1"]);
    expect(came.filter(({ client }) => !known.has(client))).toEqual([]);
    const by = new Map<string, (typeof came)[number][]>();
    for (const one of came) by.set(one.client, [...(by.get(one.client) ?? []), one]);
    for (const [address, { bytes, said }] of sent) {
      const own = by.get(address) ?? [];
      const reached = own.map(({ line }) => line);
      const stand = readStrictly(Buffer.from(bytes, "latin1")).filter(isOfSite).map(lineOf);
      expect([bytes, inOrder(stand, reached)]).toEqual([bytes, reached]);
      const answered = [...said.text.matchAll(/^x-id: (\d+)\r$/gim)].map((match) => match[1]!);
      const ids = own.map((one) => one.id);
      expect([bytes, inOrder(ids, answered)]).toEqual([bytes, answered]);
      expect(said.statuses.filter((status) => status === 200).length).toBe(answered.length);
    }
    expect(came.length).toBeGreaterThan(each / 20);
  }, 600_000);

  test("a large body arrives byte for byte, with its length where it was told and in chunks else", async () => {
    const body = Buffer.alloc(3_000_000, "0123456789abcdef\r\n0\r\n\r\n");
    const head = `POST /large HTTP/1.1\r\nHost: ${SITE}\r\n`;
    const enough = (text: string) => text.includes("\r\n\r\nok");
    const o = { enough, patienceMs: 20_000 };
    await sendRaw(plain(), [`${head}Content-Length: ${body.length}\r\n\r\n`, body], o);
    const chunk = [`${head}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`];
    await sendRaw(plain(), [...chunk, body, "\r\n0\r\n\r\n"], o);
    expect(origin.malformed).toEqual([]);
    // Of those before some may come late: nobody waited for the answer.
    const large = origin.requests.filter((r) => r.target === "/large");
    expect(large.map((r) => r.body.equals(body))).toEqual([true, true]);
    const framing = large.map((r) => r.fields.filter(([n]) => /length|coding/.test(n)));
    expect(framing.map((fields) => fields.filter(([n]) => n !== "accept-encoding"))).toEqual([
      [["content-length", String(body.length)]],
      [["transfer-encoding", "chunked"]],
    ]);
  });

  test("a large body that breaks off is never whole to an origin", async () => {
    const hears = Promise.withResolvers<void>();
    origin.onBytes = () => hears.resolve();
    const head = `POST /broken HTTP/1.1\r\nHost: ${SITE}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const part = Buffer.alloc(100_000, "x");
    const first = [`${head}${part.length.toString(16)}\r\n`, part];
    const said = await sendRaw(plain(), first, { later: hears.promise.then(() => "\nz") });
    await until(() => origin.malformed.length > 0);
    expect([said.statuses, origin.requests]).toEqual([[400], []]);
    expect(origin.malformed[0]).toStartWith("left over at the end");
  });

  test("an origin that answers before it has the body is not asked again on that connection", async () => {
    let early = 0;
    origin.onBytes = (socket, connection) => {
      if (early === 0) socket.write("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
      early ||= connection;
    };
    const head = `POST /early HTTP/1.1\r\nHost: ${SITE}\r\nContent-Length: 900000\r\n\r\n`;
    const part = Buffer.alloc(200_000, "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
    const said = await sendRaw(plain(), [head, part], { enough: (text) => text.endsWith("no") });
    expect(said.statuses).toEqual([403]);
    expect((await stage.get(`http://${SITE}/next`)).status).toBe(200);
    expect(origin.reached()).toEqual(["GET /next"]);
    expect(origin.requests[0]!.connection).not.toBe(early);
  });
});

test("no request of these costs more than 50 ms of the processor (H24)", async () => {
  const costs: number[] = [];
  const all = [...HTTP1_CASES(SITE).map((one) => one.bytes), ...HTTP1_MUTANTS(SITE, 7_000, 100)];
  for (const bytes of all) {
    const before = process.cpuUsage();
    const enough = (text: string) => text.includes("\r\n\r\n");
    await sendRaw(plain(), [bytes], { enough, patienceMs: 20 });
    const { user, system } = process.cpuUsage(before);
    costs.push((user + system) / 1000);
  }
  // Client, server and origin together; a collection of garbage may fall into one of them.
  expect(costs.filter((ms) => ms > 50).length).toBeLessThanOrEqual(1);
}, 30_000);

describe("over HTTP/2", () => {
  for (const { what, frames, reaches, answer } of HTTP2_CASES(SITE)) {
    const words = reaches === null ? "refused, and no origin hears of it" : "one request";
    test(`${what}: ${words} (H3, H6, H7)`, async () => {
      const connection = await RawHttp2.open(secure());
      connection.send(...frames);
      expect(await connection.until(() => connection.ended(1))).toBe("held");
      const reset = connection.has(FRAME.reset, 1) || connection.has(FRAME.goaway);
      const status = connection.status(1);
      if (reaches === null) expect(reset ? "reset" : status).toBe(answer as never);
      else expect(status).toBe(200);
      connection.close();
      expect(origin.reached()).toEqual(reaches === null ? [] : [reaches]);
      expect(origin.malformed).toEqual([]);
    });
  }

  test("a stream that is given up before its body ends never was for an origin (H3)", async () => {
    const connection = await RawHttp2.open(secure());
    const head = [":method POST", ":scheme https", `:authority ${SITE}`, ":path /given-up"];
    const fields = head.map((line) => line.split(" ") as [string, string]);
    connection.send(
      frame(FRAME.headers, { stream: 1, flags: END_HEADERS, payload: fieldBlock(fields) }),
      frame(FRAME.data, { stream: 1, payload: Buffer.from("half") }),
      frame(FRAME.reset, { stream: 1, payload: Buffer.from([0, 0, 0, 8]) }),
      frame(FRAME.ping, { payload: Buffer.alloc(8) }),
    );
    expect(await connection.until(() => connection.has(FRAME.ping))).toBe("held");
    expect((await stage.get(`http://${SITE}/after`)).text).toBe("ok");
    expect(origin.reached()).toEqual(["GET /after"]);
    connection.close();
  });

  test("a large body arrives byte for byte", async () => {
    const body = Buffer.alloc(3_000_000, "0123456789abcdef\r\n0\r\n\r\n");
    const url = `http://${SITE}/large`;
    const length = { "content-length": String(body.length) };
    for (const fields of [length, {}])
      expect((await ways.http2(url, { method: "POST", body, fields })).text).toBe("ok");
    expect(origin.malformed).toEqual([]);
    expect(origin.requests.map((r) => r.body.equals(body))).toEqual([true, true]);
  });

  test("an origin that answers before it has the body is not asked again on that connection (H4)", async () => {
    let early = 0;
    origin.onBytes = (socket, connection) => {
      if (early === 0) socket.write("HTTP/1.1 403 No\r\nContent-Length: 2\r\n\r\nno");
      early ||= connection;
    };
    const { address, port } = secure();
    const session = connect(`https://${address}:${port}`, { rejectUnauthorized: false });
    const head = { ":method": "POST", ":path": "/early", ":authority": SITE };
    const stream = session.request({ ...head, "content-length": "900000" });
    stream.write(Buffer.alloc(200_000, "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"));
    const { promise: answered, resolve } = Promise.withResolvers<unknown>();
    stream.on("response", (said) => resolve(said[":status"]));
    stream.on("error", resolve);
    expect(await answered).toBe(403);
    session.destroy();
    expect((await ways.http2(`http://${SITE}/next`)).status).toBe(200);
    expect(origin.reached()).toEqual(["GET /next"]);
    expect(origin.requests[0]!.connection).not.toBe(early);
  });

  test("a hundred streams at once come to the origin as a hundred requests", async () => {
    const connection = await RawHttp2.open(secure());
    const ids = Array.from({ length: 100 }, (_, i) => 1 + 2 * i);
    for (const stream of ids) {
      const fields = [
        [":method", "POST"],
        [":scheme", "https"],
        [":authority", SITE],
        [":path", `/s${stream}`],
      ] as const;
      connection.send(
        frame(FRAME.headers, { stream, flags: END_HEADERS, payload: fieldBlock(fields) }),
        frame(FRAME.data, { stream, flags: 1, payload: Buffer.from(`body ${stream}`) }),
      );
    }
    expect(await connection.until(() => ids.every((id) => connection.ended(id)))).toBe("held");
    connection.close();
    expect(origin.reached().sort()).toEqual(ids.map((id) => `POST /s${id} body ${id}`).sort());
    expect(origin.malformed).toEqual([]);
  });
});
