import { expect, test } from "bun:test";
import { AssertionError } from "../../base/assert.ts";
import { noUsage } from "../../model/usage.ts";
import { MemoryObject, type ObjectMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { Holding } from "./body.ts";
import { noCounts } from "./count.ts";
import { OUTCOME } from "./crew.ts";
import { count, countBytes } from "./deliver.ts";
import { handOver } from "./hand-over.ts";
import type { OriginResponse } from "./origin.ts";
import { refuse } from "./refuse.ts";
import { Keeper, type KeeperParts, type RelayWorks } from "./relay.ts";

const META: ObjectMeta = {
  ...{ key: "k", customer: "shop", site: "www.shop.example", path: "/a", status: 200, fields: [] },
  ...{ vary: [], variant: "", etag: null, lastModified: null, lastModifiedMs: null },
  ...{ receivedMs: 0, bodyBytes: 0 },
  freshness: {
    ...{ lifetimeMs: 60_000, from: "max-age", initialAgeMs: 0 },
    ...{ alwaysValidate: false, onErrorMs: 0 },
  },
};

/** A worker whose keeper answers so; what the worker does of the steps counts as they do. */
function worker(answer: Partial<OriginResponse>) {
  const none = { status: 200, contentLength: null, framed: true, body: null };
  const fields = [[OUTCOME, "pass"] as const];
  const keeper = new Keeper({
    client: { fetch: async () => ({ ...none, fields, ...answer }), stop: () => {} },
    words: { stampOf: () => ({}), isKeeperThere: () => true, isCurrent: () => true },
    tell: { used: () => {} },
  } as unknown as KeeperParts);
  const works = {
    holding: new Holding(1_000_000),
    refused: (ask: Ask, refusal: Parameters<typeof refuse>[0]) => {
      count(ask, "error", "no-answer");
      countBytes(ask, refusal.words.length + 1);
      return refuse(refusal, "edge-1");
    },
  } as unknown as RelayWorks;
  const entry = { customer: "shop", hostname: "www.shop.example", site: {} };
  const ask = {
    request: new Request("http://www.shop.example/a"),
    ...{ method: "GET", form: "first", path: "/a", key: "k", client: "192.0.2.1", sent: null },
    ...{ get: () => null, ruled: null },
    entry: { ...entry, usage: noUsage(), counts: noCounts() },
  } as unknown as Ask;
  return { ask, answer: (more = {}) => keeper.ask(ask, { ...works, ...more }) };
}

/** A worker whose keeper hands over an object of that customer's. */
function handing(customer: string) {
  const bytes = new TextEncoder().encode("bytes");
  const meta = { ...META, customer, bodyBytes: bytes.byteLength };
  const ask = { method: "GET" } as unknown as Ask;
  const handed = handOver(new MemoryObject(meta, bytes), ask, { cache: "edge-1", hit: true })!;
  const kept: string[] = [];
  return {
    ...{ kept, body: handed.body, fields: [...handed.headers] },
    answer: (answer: Partial<OriginResponse>) => {
      const one = worker(answer);
      return one.answer({
        node: "edge-1",
        nowMs: () => 0,
        isFresh: () => true,
        cache: {
          memory: {
            put: (of: ObjectMeta, content: typeof bytes) => {
              kept.push(of.key);
              return new MemoryObject(of, content);
            },
          },
        },
      });
    },
  };
}

function stream(...steps: readonly (Uint8Array | Error)[]): ReadableStream<Uint8Array> {
  const left = [...steps];
  return new ReadableStream({
    pull(controller) {
      const step = left.shift();
      if (step instanceof Error) controller.error(step);
      else if (step === undefined) controller.close();
      else controller.enqueue(step);
    },
  });
}

test("an answer of the keeper's that breaks off is one request, an error, and nothing else", async () => {
  const body = stream(new Uint8Array(10), new Error("cut"));
  const { ask, answer } = worker({ contentLength: 1_000, body });
  const said = (await answer())!;
  expect(said.status).toBe(502);
  const bytesOut = (await said.arrayBuffer()).byteLength;
  expect(ask.entry.usage).toEqual({ ...noUsage(), requests: 1, bytesOut });
  expect(ask.entry.counts.outcomes).toEqual({ ...noCounts().outcomes, error: 1 });
});

test("an object of another customer's that the keeper hands over is not delivered, nor kept (T9)", async () => {
  for (const customer of ["shop", "other"]) {
    const { body, fields, kept, answer } = handing(customer);
    const said = await answer({ body, fields }).catch((fault: unknown) => fault);
    if (customer === "shop") expect(await (said as Response).text()).toBe("bytes");
    else expect(said).toBeInstanceOf(AssertionError);
    expect(kept).toEqual(customer === "shop" ? ["k"] : []);
  }
});

test("one that is whole, or has no body, is one request as the keeper calls it", async () => {
  for (const length of [0, 100]) {
    const body = length === 0 ? null : stream(new Uint8Array(length));
    const { ask, answer } = worker({ contentLength: length, body });
    expect((await (await answer())!.arrayBuffer()).byteLength).toBe(length);
    expect(ask.entry.usage).toEqual({ ...noUsage(), requests: 1, bytesOut: length });
    expect(ask.entry.counts.outcomes).toEqual({ ...noCounts().outcomes, pass: 1 });
  }
});
