import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { type AddressInfo, connect } from "node:net";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { OK_REPLY, type Recorder, startRecorder } from "../lab/recorder.ts";
import { healthOf, type Reply, Stage, type StageSite, snapshotOf, until } from "./edge-stage.ts";

const NET = "127.99";
const SHOP = "www.shop.example";
const NEWS = "www.news.example";
const reply = (status: number, text: string, fields = "Cache-Control: max-age=60\r\n") => ({
  bytes: `HTTP/1.1 ${status} X\r\n${fields}Content-Length: ${text.length}\r\n\r\n${text}`,
});

let origins: Recorder[] = [];
let news: Recorder;
let stage: Stage;

function networkOf(shop: Partial<StageSite> = {}, first: object = {}): Snapshot {
  const { port } = news;
  const named = origins.map((o, i) => ({
    ...{ name: `o${i + 1}`, v4: o.address, port: o.port },
    ...(i === 0 ? first : {}),
  }));
  return snapshotOf([
    { hostname: SHOP, customer: "shop", port, front: "caches", origins: named, ...shop },
    {
      ...{ hostname: NEWS, customer: "news", port, front: "caches" },
      origins: [{ name: "o1", v4: news.address, port }],
    },
  ]);
}

beforeAll(async () => {
  news = await startRecorder(`${NET}.1.1`);
  const at = [1, 2, 3].map((n) => startRecorder(`${NET}.0.${n}`, news.port));
  origins = await Promise.all(at);
  stage = new Stage(networkOf(), `${NET}.9.1`);
  await stage.start();
});
afterAll(async () => {
  await stage.stop();
  await Promise.all([...origins, news].map((o) => o.stop()));
});
beforeEach(() => {
  for (const one of [...origins, news]) one.clear();
  for (const [i, one] of origins.entries()) one.reply = () => reply(200, `o${i + 1}`);
  news.reply = () => reply(200, "news");
  // The first has the lowest load, then the second.
  const loads = [0.1, 0.5, 0.9].map((load, i) => [`${SHOP}/o${i + 1}`, load] as const);
  stage.health = healthOf({ ...Object.fromEntries(loads), [`${NEWS}/o1`]: 0.1 });
  stage.publish(networkOf());
});

const get = (path: string, host = SHOP) => stage.get(`http://${host}${path}`);
const asked = () => origins.map((o) => o.requests.length);
const isHit = (said: Reply) => said.headers.get("cache-status")?.includes("; hit") ?? false;

describe("what one server lacks", () => {
  test("comes from the next, who is asked first for a while", async () => {
    origins[0]!.reply = () => reply(404, "not here");
    expect((await get("/lacks")).text).toBe("o2");
    expect(asked()).toEqual([1, 1, 0]);
    await stage.purge("shop", SHOP, "/lacks");
    expect((await get("/lacks")).text).toBe("o2");
    expect(asked()).toEqual([1, 2, 0]);
  });

  test("is not there once all who were asked say so, and only then is that kept", async () => {
    for (const one of origins) one.reply = () => reply(404, "not here");
    expect((await get("/nowhere")).status).toBe(404);
    expect(asked()).toEqual([1, 1, 1]);
    expect(isHit(await get("/nowhere"))).toBe(true);
    origins[1]!.reply = (_, socket) => {
      socket.destroy();
      return null;
    };
    const unsure = await get("/perhaps");
    expect([unsure.status, unsure.text]).toEqual([404, "not here"]);
    expect(unsure.headers.get("cache-status")).toContain("detail=unsure");
    expect(isHit(await get("/perhaps"))).toBe(false);
  });

  test("is not known to be nowhere where the next could not be asked", async () => {
    // Held until it is read, so that there is no place for a second exchange.
    const long = "n".repeat(4_000_000);
    origins[0]!.reply = () => reply(404, long);
    const narrow = await new Stage(networkOf(), `${NET}.9.2`).start({ exchangesMax: 2 });
    narrow.health = stage.health;
    try {
      const unsure = await narrow.get(`http://${SHOP}/at-the-next`);
      expect([unsure.status, unsure.text.length]).toEqual([404, long.length]);
      expect(unsure.headers.get("cache-status")).toContain("detail=unsure");
      expect(asked()).toEqual([1, 0, 0]);
      expect((await narrow.get(`http://${SHOP}/at-the-next`)).text).toBe("o2");
    } finally {
      await narrow.stop();
    }
  });

  test("is the answer at once where the site does not move on for it", async () => {
    stage.publish(networkOf({ fetch: { moveOn: [503] } }));
    origins[0]!.reply = () => reply(404, "not here");
    expect((await get("/final")).status).toBe(404);
    expect(asked()).toEqual([1, 0, 0]);
    origins[0]!.reply = () => reply(503, "busy");
    expect((await get("/moved")).text).toBe("o2");
  });

  test("is asked for elsewhere by GET and HEAD, not by what changes things", async () => {
    origins[0]!.reply = () => reply(404, "not here");
    const said = await stage.get(`http://${SHOP}/change`, {}, "DELETE");
    expect([said.status, asked()]).toEqual([404, [1, 0, 0]]);
  });
});

test("what changes things goes to the next where no connection came about, and only then", async () => {
  const gone = { ...origins[0]!, address: `${NET}.0.77` };
  const named = [gone, origins[1]!].map((o, i) => ({
    ...{ name: `o${i + 1}`, v4: o.address, port: o.port },
  }));
  stage.publish(networkOf({ origins: named }));
  expect((await stage.get(`http://${SHOP}/order`, {}, "POST")).text).toBe("o2");
  expect(asked()).toEqual([0, 1, 0]);
  stage.publish(networkOf());
  origins[0]!.reply = (_, socket) => {
    socket.destroy();
    return null;
  };
  expect((await stage.get(`http://${SHOP}/order`, {}, "POST")).status).toBe(502);
  expect(asked()).toEqual([1, 1, 0]);
});

test("a server that says what it holds is asked for nothing else", async () => {
  stage.publish(networkOf({}, { paths: ["/video/"] }));
  expect((await get("/video/1")).text).toBe("o1");
  expect((await get("/image/1")).text).toBe("o2");
  expect(asked()).toEqual([1, 1, 0]);
});

test("an answer that is moved on from holds no place, however long it is", async () => {
  const [first, second] = origins;
  const named = [first!, second!].map((o, i) => {
    return { name: `o${i + 1}`, v4: o.address, port: o.port, connectionsMax: 1 };
  });
  stage.publish(networkOf({ origins: named }));
  first!.reply = () => reply(503, "n".repeat(4_000_000));
  for (const path of ["/long-1", "/long-2", "/long-3"]) {
    expect((await get(path)).text).toBe("o2");
  }
  expect(asked()).toEqual([3, 3, 0]);
});

test("a slice that is longer than it says holds no place", async () => {
  const [liar] = origins;
  const only = [{ name: "o1", v4: liar!.address, port: liar!.port, connectionsMax: 1 }];
  stage.publish(networkOf({ origins: only }));
  const part = (range: string, bytes: number) => {
    const fields = `ETag: "1"\r\nCache-Control: max-age=60\r\nContent-Range: bytes ${range}/9999999\r\n`;
    return reply(206, "p".repeat(bytes), fields);
  };
  const slice = 524_288;
  liar!.reply = ({ fields }) => {
    const range = fields.find(([name]) => name === "range")?.[1];
    if (range === undefined) return reply(200, "all");
    return range === "bytes=0-524287" ? part("0-524287", slice) : part("524288-1048575", 8 * slice);
  };
  const at = (range: string) => stage.get(`http://${SHOP}/sliced`, { range });
  expect((await at("bytes=0-9")).status).toBe(206);
  await at("bytes=600000-600009");
  // The place is free at once; no queue is waited in.
  expect((await get("/beside")).text).toBe("all");
}, 20_000);

test("three servers at most are asked, and as few as the site says", async () => {
  for (const one of origins) one.reply = () => reply(500, "broken");
  expect((await get("/broken")).status).toBe(500);
  expect(asked()).toEqual([1, 1, 1]);
  stage.publish(networkOf({ fetch: { attempts: 1 } }));
  expect((await get("/broken-once")).status).toBe(500);
  expect(asked()).toEqual([2, 1, 1]);
});

describe("a server that hangs", () => {
  test("slows nobody else, and those who want it wait in a bounded queue", async () => {
    const [slow] = origins;
    const held: (() => void)[] = [];
    slow!.reply = (_, socket) => {
      held.push(() => socket.write(OK_REPLY.bytes));
      return null;
    };
    const only = [{ name: "o1", v4: slow!.address, port: slow!.port, connectionsMax: 40 }];
    stage.publish(networkOf({ origins: only }));
    await get("/warm", NEWS);
    const hung = Array.from({ length: 100 }, (_, i) => get(`/hang-${i}`));
    await until(() => held.length === 40);
    // 40 are with it and 40 wait; the rest are told at once, while all of those hang.
    let refused = 0;
    for (const one of hung) void one.then((said) => (refused += said.status === 503 ? 1 : 0));
    await until(() => refused >= 20);
    const others = await Promise.all(
      Array.from({ length: 300 }, (_, i) => get(`/other-${i}`, NEWS)),
    );
    expect(new Set(others.map((said) => said.status))).toEqual(new Set([200]));
    expect([held.length, slow!.requests.length]).toEqual([40, 40]);
    const all = await letGo(hung, held);
    const busy = all.filter((said) => said.status === 503);
    expect(busy[0]!.headers.get("retry-after")).toBe("1");
    expect(busy[0]!.headers.get("proxy-status")).toContain("connection_limit_reached");
    expect(all.filter((said) => said.status === 200)).toHaveLength(100 - busy.length);
    expect(busy.length).toBeLessThanOrEqual(60);
  }, 20_000);

  test("leaves what was stored to stand in when its queue is full", async () => {
    const [slow] = origins;
    const only = [{ name: "o1", v4: slow!.address, port: slow!.port, connectionsMax: 1 }];
    stage.publish(networkOf({ origins: only }));
    slow!.reply = () => reply(200, "kept", "Cache-Control: max-age=60, stale-if-error=600\r\n");
    await get("/kept");
    stage.clock.advance(61_000);
    const held: (() => void)[] = [];
    slow!.reply = (_, socket) => {
      held.push(() => socket.write(OK_REPLY.bytes));
      return null;
    };
    const waiting = [get("/first"), get("/second")];
    await until(() => held.length === 1);
    const said = await get("/kept");
    expect([said.status, said.text]).toEqual([200, "kept"]);
    expect(said.headers.get("cache-status")).toContain("stale-if-error");
    const [first] = await letGo(waiting, held);
    expect(first!.status).toBe(200);
  }, 20_000);
});

test("a request that cannot be sent is nobody's answer but its own", async () => {
  const [slow] = origins;
  const only = [{ name: "o1", v4: slow!.address, port: slow!.port, connectionsMax: 1 }];
  stage.publish(networkOf({ origins: only }));
  const held: (() => void)[] = [];
  slow!.reply = (_, socket) => {
    held.push(() => socket.write(OK_REPLY.bytes));
    return null;
  };
  const first = get("/first");
  await until(() => held.length === 1);
  // Fetches for both, and waits for its place with the server.
  const bad = Promise.withResolvers<string>();
  const socket = connect(stage.edge.httpPort, stage.address);
  socket.on("error", bad.reject);
  socket.on("data", (said) => bad.resolve(said.toString("latin1")));
  await new Promise<void>((resolve) => {
    socket.write(`GET /both HTTP/1.1\r\nHost: ${SHOP}\r\nX-A: \x7f\r\n\r\n`, () => resolve());
  });
  await get("/behind-it", NEWS);
  const good = get("/both");
  await get("/behind-both", NEWS);
  const [, said] = await letGo([first, good], held);
  expect([said!.status, said!.text]).toEqual([200, "ok"]);
  expect(await bad.promise).toStartWith("HTTP/1.1 400 ");
  socket.destroy();
}, 20_000);

/** Answers what hangs, and what comes after it, until all have their answer. */
async function letGo(all: readonly Promise<Reply>[], held: (() => void)[]): Promise<Reply[]> {
  let done = false;
  const replies = Promise.all(all).finally(() => {
    done = true;
  });
  await until(() => {
    for (const one of held.splice(0)) one();
    return done;
  });
  return replies;
}

describe("many servers with TLS and names of their own", () => {
  const count = Number(process.env.TURNPIKE_TLS_ORIGINS ?? 150);
  const names = Array.from({ length: count }, (_, i) => `n${i}.shop.example`);
  let server: Server;
  let connections = 0;
  let edge: Stage;

  beforeAll(async () => {
    const tls = selfSigned(names.slice(0, -1), new Date());
    server = createServer(tls, (_, response) => {
      response.setHeader("cache-control", "no-store");
      response.end("ok");
    });
    server.keepAliveTimeout = 60_000;
    server.on("secureConnection", () => {
      connections++;
    });
    await new Promise<void>((resolve) => server.listen(0, `${NET}.2.1`, resolve));
    const { port } = server.address() as AddressInfo;
    const origin = { name: "o1", v4: `${NET}.2.1`, port };
    const more = { port, front: "caches", scheme: "https", fetch: { ca: tls.cert } } as const;
    const sites = names.map((hostname) => ({
      ...{ hostname, customer: "many", origins: [origin], ...more },
    }));
    edge = new Stage(snapshotOf(sites), `${NET}.9.2`);
    await edge.start();
  }, 60_000);
  afterAll(async () => {
    await edge.stop();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function askAll(): Promise<number[]> {
    const statuses: number[] = [];
    for (let from = 0; from < count; from += 50) {
      const some = names.slice(from, from + 50);
      const said = await Promise.all(some.map((name) => edge.get(`http://${name}/x`)));
      statuses.push(...said.map((one) => one.status));
    }
    return statuses;
  }

  test("keep one connection each, and one whose certificate is another's gets no request", async () => {
    const expected = [...Array.from({ length: count - 1 }, () => 200), 502];
    expect(await askAll()).toEqual(expected);
    const after = connections;
    expect(await askAll()).toEqual(expected);
    // Only the one that is refused each time makes a new one.
    expect(connections - after).toBeLessThanOrEqual(1);
    const evidence = process.env.TURNPIKE_EVIDENCE;
    const figures = { origins: count, connections: after, anew: connections - after };
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
  }, 60_000);
});
