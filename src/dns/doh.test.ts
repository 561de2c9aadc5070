import { expect, test } from "bun:test";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
  makeQuery,
  RCODE,
  TYPE,
} from "../wire/dns/mod.ts";
import { answerSecure, DOH_PATH, dohAt } from "./doh.ts";
import { Responder } from "./hot/answer.ts";
import { compileWorld, healthOf } from "./hot/world.fixture.ts";

const HOST = "dns.cdn.example";
const URL_ = `https://${HOST}${DOH_PATH}`;
const TYPE_OF = "application/dns-message";

const responder = new Responder(1);
const snapshot = compileWorld();
responder.load(snapshot);
responder.observe(healthOf(snapshot), NO_ASSIGNMENT);
const aside = dohAt(HOST, (query, client) => answerSecure(responder, query, client));

const query = (name: string, type: number = TYPE.A) =>
  encodeMessage({ ...makeQuery(0, name, type) })! as Uint8Array<ArrayBuffer>;
const ask = (init: RequestInit & { path?: string } = {}, client = "198.51.100.7") => {
  const { path = "", ...rest } = init;
  const headers = new Headers(rest.headers);
  if (!headers.has("host")) headers.set("host", HOST);
  const request = new Request(`${URL_}${path}`, { ...rest, headers });
  return aside(request, client)!;
};
const post = (body: Uint8Array<ArrayBuffer>, type = TYPE_OF) =>
  ask({ method: "POST", body, headers: { "content-type": type } });
const get = (bytes: Uint8Array) =>
  ask({ path: `?dns=${Buffer.from(bytes).toString("base64url")}` });
const read = async (response: Response) =>
  decodeMessage(new Uint8Array(await response.arrayBuffer())) as Message;

test("GET and POST are answered alike, and by who asks (RFC 8484 4.1)", async () => {
  for (const response of [
    await get(query("mail.hosted.example")),
    await post(query("mail.hosted.example")),
  ]) {
    expect([response.status, response.headers.get("content-type")]).toEqual([200, TYPE_OF]);
    const message = await read(response);
    expect([message.id, message.rcode, message.answers.length]).toEqual([0, 0, 2]);
  }
  const steered = async (client: string) => {
    const bytes = Buffer.from(query("c.cdn.example")).toString("base64url");
    const message = await read(await ask({ path: `?dns=${bytes}` }, client));
    return message.answers.map(({ data }) => (data.kind === "address" ? data.address : ""));
  };
  expect(await steered("198.51.100.7")).toEqual(["127.1.0.1"]);
  expect(await steered("203.0.113.7")).toEqual(["127.2.0.1"]);
  expect(await steered("::ffff:203.0.113.7")).toEqual(["127.2.0.1"]);
});

test("an answer is as fresh as its least TTL; one that is none is not kept (RFC 8484 5.1)", async () => {
  const fresh = async (name: string, type: number = TYPE.A) =>
    (await post(query(name, type))).headers.get("cache-control");
  expect(await fresh("mail.hosted.example")).toBe("max-age=3600");
  expect(await fresh("www.hosted.example")).toBe("max-age=20");
  // What is not there, for as long as the SOA says; a referral for its NS.
  expect(await fresh("none.hosted.example")).toBe("max-age=5");
  expect(await fresh("mail.hosted.example", TYPE.MX)).toBe("max-age=5");
  expect(await fresh("x.sub.hosted.example")).toBe("max-age=3600");
  expect(await fresh("elsewhere.test")).toBe("max-age=0");
  // An alias out of our zones: of what is in the answer.
  expect(await fresh("far.hosted.example")).toBe("max-age=3600");
});

test("transfers, updates and notices are refused as everywhere (D9)", async () => {
  for (const type of [TYPE.AXFR, TYPE.IXFR]) {
    const message = await read(await post(query("hosted.example", type)));
    expect([message.rcode, message.answers]).toEqual([RCODE.REFUSED, []]);
  }
  for (const opcode of [4, 5]) {
    const bytes = query("hosted.example", TYPE.SOA);
    bytes[2] = opcode << 3;
    expect((await read(await post(bytes))).rcode).toBe(RCODE.REFUSED);
  }
});

test("what is no query is refused by the status that says why", async () => {
  const status = async (response: Promise<Response>) => (await response).status;
  const good = query("c.cdn.example");
  expect(await status(post(good, "text/plain"))).toBe(415);
  expect(await status(post(good, `${TYPE_OF}; charset=x`))).toBe(200);
  expect(await status(ask({ method: "POST", body: "" }))).toBe(415);
  expect(await status(post(new Uint8Array(0)))).toBe(400);
  expect(await status(post(new Uint8Array(11)))).toBe(400);
  expect(await status(post(new Uint8Array(5000)))).toBe(413);
  const response = Uint8Array.from(good);
  response[2]! |= 0x80;
  expect(await status(post(response))).toBe(400);
  // FORMERR is an answer.
  const two = Uint8Array.from(good);
  two[5] = 2;
  expect((await read(await post(two))).rcode).toBe(RCODE.FORMERR);
  for (const path of ["", "?dns=", "?dns=a+b", "?dns=%00", "?dns=AAAA", "?name=c.cdn.example"]) {
    expect([path, await status(ask({ path }))]).toEqual([path, 400]);
  }
  expect(await status(ask({ path: `?dns=${"A".repeat(6000)}` }))).toBe(414);
  for (const method of ["PUT", "DELETE", "OPTIONS", "PATCH"]) {
    const refused = await ask({ method });
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
  }
  const head = await ask({
    method: "HEAD",
    path: `?dns=${Buffer.from(good).toString("base64url")}`,
  });
  expect([head.status, (await head.arrayBuffer()).byteLength]).toEqual([200, 0]);
});

test("a chunked body is read no further than a query can be", async () => {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(1024));
    },
  });
  // Node wants to be told that the answer may come before the body's end.
  const half = { duplex: "half" } as object;
  const response = await ask({
    ...half,
    method: "POST",
    body,
    headers: { "content-type": TYPE_OF },
  });
  expect(response.status).toBe(413);
  expect(pulled).toBeLessThan(10);
});

test("only this path of this host is ours; all else is left to the cache", () => {
  const of = (url: string, host: string) =>
    aside(new Request(url, { headers: { host } }), "198.51.100.7");
  expect(of(URL_, HOST)).not.toBeNull();
  expect(of(URL_, `${HOST}:8443`)).not.toBeNull();
  expect(of(URL_, HOST.toUpperCase())).not.toBeNull();
  expect(of(URL_, "www.shop.example")).toBeNull();
  expect(of(`https://${HOST}/`, HOST)).toBeNull();
  expect(of(`https://${HOST}/x${DOH_PATH}`, HOST)).toBeNull();
  expect(of(`https://${HOST}/x?y=${DOH_PATH}`, HOST)).toBeNull();
});
