// A private bucket of an S3-compatible store as a site's web server: the store checks each signature by
// code that shares nothing with ours, and nothing but single objects is asked of it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { OriginCredential } from "../../src/model/origin-credential.ts";
import { Stage, type StageSite, snapshotOf, ZONE } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";
import { isSignedV4 } from "./s3-store.ts";

const SITE = "media.shop.example";
const STORE = "s3.store.example";
const REGION = "eu-central-1";
const ID = "AKIATURNPIKE";
const SECRET = "a/secret+access/key=of=forty=characters=";
const LARGE = Buffer.alloc(3_000_000, "0123456789");

let server: Server;
let port = 0;
let stage: Stage;
let credential: OriginCredential | null;
const ways = new TwoWays(() => stage);
const asked: {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
}[] = [];

/** Keys to bytes, of one bucket. */
const objects = new Map<string, Buffer>([
  ["/media/logo.png", Buffer.from("the logo")],
  ["/media/a b+(1)/ü~$&'.txt", Buffer.from("a strange name")],
  ["/media/large.bin", LARGE],
]);

const isSigned = (request: IncomingMessage) =>
  isSignedV4(request, { id: ID, secret: SECRET, region: REGION, nowMs: stage.clock.wallMs() });

beforeAll(async () => {
  server = createServer((request, response) => {
    const { method = "", url = "", headers } = request;
    asked.push({ method, url, headers });
    if (!isSigned(request)) return void response.writeHead(403).end("SignatureDoesNotMatch");
    const object = objects.get(decodeURIComponent(url));
    if (object === undefined) return void response.writeHead(404).end("NoSuchKey");
    const range = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "");
    const fields = { etag: '"1"', "cache-control": "max-age=600", "accept-ranges": "bytes" };
    if (range === null) {
      response.writeHead(200, { ...fields, "content-length": object.length });
      return void response.end(method === "HEAD" ? undefined : object);
    }
    const [from, to] = [Number(range[1]), Math.min(Number(range[2]), object.length - 1)];
    const part = object.subarray(from, to + 1);
    const length = { "content-length": part.length };
    const said = { "content-range": `bytes ${from}-${to}/${object.length}` };
    response.writeHead(206, { ...fields, ...length, ...said }).end(part);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.75.7.1", resolve));
  port = (server.address() as AddressInfo).port;
  stage = new Stage(networkOf(), "127.75.9.9");
  await stage.start({
    tls: selfSigned([SITE], new Date()),
    credentials: (customer, name) => (customer === "shop" && name === "bucket" ? credential : null),
  });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  asked.length = 0;
  credential = { kind: "access-key", id: ID, secret: SECRET };
});

function networkOf(more: Partial<StageSite> = {}) {
  const s3 = { key: "bucket", host: STORE, region: REGION, prefix: "/media" };
  return snapshotOf([
    {
      ...{ hostname: SITE, customer: "shop", port, front: "caches", fetch: { s3 } },
      origins: [{ name: "o1", v4: "127.75.7.1", port }],
      ...more,
    },
  ]);
}

const hit = (said: { readonly headers: Headers }) =>
  said.headers.get("cache-status")?.includes("; hit") ?? false;

for (const [via, get] of ways.both) {
  describe(`over ${via}`, () => {
    test("objects come from the bucket, whatever their names are, and are held", async () => {
      const ends = via.replace(/\D/g, "");
      for (const path of ["/logo.png", "/a%20b+(1)/%C3%BC~$&'.txt"]) {
        const url = `http://${SITE}${path}?${ends}`;
        const said = await get(url);
        expect([said.status, hit(said)]).toEqual([200, false]);
        expect(objects.get(`/media${decodeURIComponent(path)}`)?.toString()).toBe(said.text);
        expect(hit(await get(url))).toBe(true);
      }
      expect(asked.map(({ url }) => url)).toEqual([
        "/media/logo.png",
        "/media/a%20b%2B%281%29/%C3%BC~%24%26%27.txt",
      ]);
      expect(asked[0]!.headers.host).toBe(`${STORE}:${port}`);
    });

    test("a client cannot have anything else signed", async () => {
      for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
        expect((await get(`http://${SITE}/logo.png`, { method })).status).toBe(405);
      }
      for (const path of ["/", "/?list-type=2", "/%"]) {
        const { status } = await get(`http://${SITE}${path}`);
        expect([path, [400, 404].includes(status)]).toEqual([path, true]);
      }
      expect(asked.length).toBe(0);
      const fields = {
        authorization: "AWS4-HMAC-SHA256 x",
        cookie: "a=b",
        "x-amz-acl": "public-read",
        "x-amz-security-token": "mine",
      };
      const method = "HEAD";
      for (const query of ["acl", "versions", "X-Amz-Signature=1"]) {
        const said = await get(`http://${SITE}/logo.png?${query}&${via}`, { fields, method });
        expect(said.status).toBe(200);
      }
      expect(asked.map(({ url }) => url)).toEqual(
        Array.from({ length: 3 }, () => "/media/logo.png"),
      );
      for (const { headers } of asked) {
        expect([headers["x-amz-acl"], headers["x-amz-security-token"], headers.cookie]).toEqual([
          ...[undefined, undefined, undefined],
        ]);
      }
    });

    test("a part of a large object costs a part, signed too", async () => {
      const url = `http://${SITE}.${ZONE}/large.bin?${via.replace(/\D/g, "")}`;
      const said = await get(url, { fields: { range: "bytes=1000000-1000009" } });
      expect([said.status, said.text]).toEqual([206, "0123456789"]);
      expect(asked.every(({ headers }) => headers.range !== undefined)).toBe(true);
    });

    test("with a wrong key the store's no is passed on and not kept, and without one nothing is asked", async () => {
      credential = { kind: "access-key", id: ID, secret: "another-secret" };
      const url = `http://${SITE}/logo.png?wrong=${via}`;
      expect((await get(url)).status).toBe(403);
      credential = null;
      const said = await get(url);
      expect(said.headers.get("proxy-status")).toContain("credential-missing");
      credential = { kind: "value", value: "no-key-of-a-store" };
      expect((await get(url)).status).toBe(503);
      expect(asked.length).toBe(1);
      credential = { kind: "access-key", id: ID, secret: SECRET };
      expect((await get(url)).text).toBe("the logo");
    });
  });
}
