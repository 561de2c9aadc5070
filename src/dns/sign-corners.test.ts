// Corners of signing that the other tests come to by chance or not at all.
import { describe, expect, test } from "bun:test";
import { FakeClock } from "../base/clock.ts";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import {
  decodeMessage,
  encodeMessage,
  FLAG,
  type Message,
  makeQuery,
  Query,
  RCODE,
  TYPE,
  Writer,
} from "../wire/dns/mod.ts";
import { SECURE } from "../wire/dnssec/mod.ts";
import { Responder } from "./hot/answer.ts";
import type { NameIndex } from "./hot/name-index.ts";
import { SignatureCache } from "./hot/sign-cache.ts";
import { SignedRows } from "./hot/sign-rows.ts";
import { compileWorld, healthOf, WORLD } from "./hot/world.fixture.ts";
import { keyOf } from "./sign-keys.fixture.ts";
import { openKeys } from "./sign-keys.ts";

const CLOCK = new FakeClock();
const KEY = keyOf("hosted.example");
const OUT = new Uint8Array(65_535);

/** The fixture's world: its hosted zone signed, and another one that is not. */
function world() {
  const file = structuredClone(WORLD);
  const [zone] = file.customers[0]!.zones!;
  Object.assign(zone!, { dnssec: true });
  zone!.records.push(
    { name: "beside", type: "CNAME", value: "none.plain.example" },
    { name: "own", type: "NS", value: "own.hosted.example" },
    { name: "own", type: "A", value: "192.0.2.72" },
    { name: "long", type: "A", value: "192.0.2.70" },
    { name: "mx", type: "MX", value: "10 many.hosted.example" },
    { name: "mx", type: "MX", value: "20 mail.hosted.example" },
  );
  for (let i = 0; i < 60; i++) {
    zone!.records.push({ name: "many", type: "A", value: `198.51.100.${i}` });
  }
  for (let i = 0; i < 14; i++) {
    zone!.records.push(
      { name: "wide", type: "NS", value: `n${i}.wide.hosted.example` },
      { name: `n${i}.wide`, type: "A", value: `203.0.113.${i}` },
      { name: `n${i}.wide`, type: "AAAA", value: `2001:db8::${i}` },
    );
  }
  const plain = [{ name: "www", type: "A", value: "192.0.2.71" }];
  file.customers[0]!.zones!.push({ name: "plain.example", records: plain });
  return compileWorld(file);
}

const SNAPSHOT = world();

function started(keys = [KEY], snapshot = SNAPSHOT): Responder {
  const to = new Responder(1);
  to.sign(openKeys(keys, CLOCK));
  to.load(snapshot);
  to.observe(healthOf(snapshot), NO_ASSIGNMENT);
  return to;
}

function ask(
  to: Responder,
  name: string,
  o: { readonly type?: number; readonly bytes?: number; readonly stream?: boolean } = {},
): Message {
  const query = makeQuery(7, name, o.type ?? TYPE.A);
  const edns = { ...query.edns!, dnssecOk: true, payloadBytes: o.bytes ?? 1232 };
  const bytes = encodeMessage({ ...query, edns })!;
  const address = Uint8Array.of(198, 51, 100, 1);
  const at = { address, addressAt: 0, family: 4 as const, stream: o.stream ?? false };
  const length = to.answer({ bytes, length: bytes.length, ...at }, OUT);
  expect(to.failures).toBe(0);
  return decodeMessage(OUT.slice(0, length)) as Message;
}

const typesOf = (records: Message["answers"]) => records.map((record) => record.type);
const DENIAL = [TYPE.SOA, SECURE.RRSIG, SECURE.NSEC, SECURE.RRSIG];

describe("keys", () => {
  test("come and go while a snapshot is served, also one compiled in another thread", () => {
    const to = new Responder(1);
    expect(to.sign(openKeys([], CLOCK))).toBeNull();
    const tables = to.load(SNAPSHOT);
    to.observe(healthOf(SNAPSHOT), NO_ASSIGNMENT);
    expect(typesOf(ask(to, "mail.hosted.example").answers)).toEqual([TYPE.A, TYPE.A]);
    const signed = to.sign(openKeys([KEY], CLOCK));
    expect(typesOf(ask(to, "long.hosted.example").answers)).toEqual([TYPE.A, SECURE.RRSIG]);
    const thread = new Responder(1);
    thread.take(tables);
    const signing = openKeys([KEY], CLOCK);
    expect(thread.sign(signing, { ...signed!, snapshot: 99 })).toBe(tables);
    expect(thread.sign(signing, signed)).toBe(signed);
    expect(thread.sign(signing)).toBe(signed);
    expect(typesOf(ask(thread, "long.hosted.example").answers)).toEqual([TYPE.A, SECURE.RRSIG]);
    to.sign(openKeys([], CLOCK));
    expect(typesOf(ask(to, "long.hosted.example").answers)).toEqual([TYPE.A]);
  });

  test("of no zone, of none of ours and of none that is active sign nothing", () => {
    const strangers = ["elsewhere.test", "mail.hosted.example", "plain.example"];
    const prepared = { ...keyOf("hosted.example"), state: "prepared" as const };
    const to = started([...strangers.map((zone) => keyOf(zone)), prepared]);
    for (const name of ["mail.hosted.example", "www.plain.example"]) {
      expect(typesOf(ask(to, name).answers)).not.toContain(SECURE.RRSIG);
    }
  });

  test("make no answer before the first snapshot", () => {
    const to = new Responder(1);
    to.sign(openKeys([KEY], CLOCK));
    expect(ask(to, "mail.hosted.example").rcode).toBe(RCODE.SERVFAIL);
  });
});

describe("denials", () => {
  const to = started();

  test("are of the last name of a chain of aliases", () => {
    const gone = ask(to, "gone.hosted.example");
    expect([gone.rcode, typesOf(gone.answers)]).toEqual([
      RCODE.NOERROR,
      [TYPE.CNAME, SECURE.RRSIG],
    ]);
    expect(typesOf(gone.authorities)).toEqual(DENIAL);
    expect(gone.authorities[2]!.name).toBe("nothing.hosted.example");
  });

  test("are unsigned where the chain leads into a zone that is", () => {
    const beside = ask(to, "beside.hosted.example");
    expect(beside.rcode).toBe(RCODE.NXDOMAIN);
    expect(typesOf(beside.answers)).toEqual([TYPE.CNAME, SECURE.RRSIG]);
    expect(typesOf(beside.authorities)).toEqual([TYPE.SOA]);
  });

  test("list what stands at a delegation and at a steered name", () => {
    expect(typesOf(ask(to, "sub.hosted.example", { type: SECURE.DS }).authorities)).toEqual(DENIAL);
    expect(typesOf(ask(to, "own.hosted.example", { type: SECURE.DS }).authorities)).toEqual(DENIAL);
    expect(typesOf(ask(to, "www.hosted.example", { type: TYPE.TXT }).authorities)).toEqual(DENIAL);
  });

  test("are cut, and refused over TCP, for the one name that has no next one", () => {
    const rest = ".hosted.example";
    const fill = 255 - 16 - 64 - 64 - 64;
    const last = ["\\255".repeat(63), "a".repeat(63), "a".repeat(63), "a".repeat(fill - 1)];
    const name = last.join(".") + rest;
    expect(ask(to, name).flags & FLAG.TRUNCATED).toBe(FLAG.TRUNCATED);
    expect(ask(to, name, { stream: true }).rcode).toBe(RCODE.SERVFAIL);
  });
});

describe("what does not fit", () => {
  const to = started();

  test("of helpful addresses is left out, also with its signature", () => {
    for (let bytes = 512; bytes <= 1232; bytes += 8) {
      const mx = ask(to, "mx.hosted.example", { type: TYPE.MX, bytes });
      expect([bytes, mx.flags & FLAG.TRUNCATED]).toEqual([bytes, 0]);
      expect(typesOf(mx.answers)).toEqual([TYPE.MX, TYPE.MX, SECURE.RRSIG]);
    }
  });

  test("of glue that is needed cuts the answer", () => {
    for (let bytes = 512; bytes <= 1232; bytes += 24) {
      const { flags, additionals } = ask(to, "x.wide.hosted.example", { bytes });
      const cut = (flags & FLAG.TRUNCATED) !== 0;
      expect([bytes, additionals.length]).toEqual([bytes, cut ? 0 : 28]);
    }
  });

  test("of a steered address's signature cuts the answer, kept or not", () => {
    for (let round = 0; round < 2; round++) {
      const small = ask(to, "www.hosted.example", { bytes: 512 });
      expect(typesOf(small.answers)).toEqual([TYPE.A, SECURE.RRSIG]);
    }
  });
});

describe("SignatureCache", () => {
  test("tells sets of one hash apart, young and old", () => {
    const cache = new SignatureCache(1);
    const of = (...set: number[]) => {
      const times = { inceptionSec: 0, renewSec: 1, lastSec: 2 };
      return { set: Uint8Array.from(set), records: [], ...times };
    };
    const [one, other] = [of(1, 2), of(9)];
    cache.put(7, one);
    expect(cache.get(7, one.set)).toBe(one);
    expect(cache.get(7, Uint8Array.of(1, 3))).toBeNull();
    expect(cache.get(7, Uint8Array.of(1))).toBeNull();
    cache.put(8, other);
    expect(cache.get(7, Uint8Array.of(1, 3))).toBeNull();
    expect(cache.get(7, one.set)).toBe(one);
    expect(cache.get(6, one.set)).toBeNull();
  });
});

describe("SignedRows", () => {
  const index = {} as NameIndex;
  const query = Object.assign(new Query(), { questionEnd: 20 });
  const NOW_SEC = 1000;

  /** Header and question of 20 octets, an address record, and its RRSIG's first octets. */
  function message(address: readonly number[], pointer = 12): Uint8Array {
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 20, 0, 4, ...address];
    const signature = [0xc0, pointer, 0, 46, 0, 1, 0, 0, 0, 20, 0, 8, 0, 1, 13, 2, 0, 0, 0, 60];
    return Uint8Array.from([...new Uint8Array(20), ...record, ...signature]);
  }

  /** An answer that ends at `end` and may go up to `limit`. */
  function answer(from: Uint8Array, end: number, limit = 200) {
    const bytes = new Uint8Array(200);
    bytes.set(from);
    const out = new Writer();
    out.begin(bytes, end, limit);
    return { bytes, out, query, index, steeredAt: 3 };
  }

  const kept = message([192, 0, 2, 1]);

  test("keep what has room and points at the question, and append it where there is room", () => {
    const rows = new SignedRows(1);
    rows.keep(answer(message([192, 0, 2, 1], 13), 56), NOW_SEC);
    expect(rows.size).toBe(0);
    const full = answer(kept, 56, 56);
    full.out.u8(1);
    rows.keep(full, NOW_SEC);
    expect(rows.size).toBe(0);
    rows.keep(answer(message([192, 0, 2, 2]), 56), NOW_SEC);
    rows.keep(answer(kept, 56), NOW_SEC);
    expect(rows.size).toBe(1);
    const to = answer(kept.subarray(0, 36), 36);
    expect([rows.append(to, NOW_SEC), to.out.at]).toEqual([true, 56]);
    const narrow = answer(kept.subarray(0, 36), 36, 40);
    expect([rows.append(narrow, NOW_SEC), narrow.out.overflow]).toEqual([true, true]);
    expect(rows.append({ ...answer(kept, 36), index: {} as NameIndex }, NOW_SEC)).toBe(false);
    for (const nowSec of [999, 1601]) expect(rows.append(answer(kept, 36), nowSec)).toBe(false);
  });

  test("are found among many, and one of the same name and address takes the other's place", () => {
    const rows = new SignedRows(2000);
    const place = (i: number) => ({ steeredAt: i >> 1 });
    const address = (i: number) => [10, 0, i & 1, i >> 8];
    for (const ttl of [60, 61]) {
      for (let i = 0; i < 2000; i++) {
        const from = message(address(i));
        from[55] = ttl;
        rows.keep({ ...answer(from, 56), ...place(i) }, NOW_SEC);
      }
    }
    expect(rows.size).toBe(2000);
    const found = Array.from({ length: 2000 }, (_, i) => {
      const to = { ...answer(message(address(i)), 36), ...place(i) };
      return rows.append(to, NOW_SEC) && to.bytes[55] === 61;
    });
    expect(found).not.toContain(false);
    const other = { ...answer(kept, 36), steeredAt: 3000 };
    expect(rows.append(other, NOW_SEC)).toBe(false);
    rows.keep({ ...answer(kept, 56), steeredAt: 3000 }, NOW_SEC);
    expect([rows.size, rows.append(other, NOW_SEC)]).toEqual([1, true]);
  });

  test("keep no record of a signer whose name is too long", () => {
    const rows = new SignedRows(10);
    rows.keep(answer(Uint8Array.from([...kept, ...new Uint8Array(140)]), 196), NOW_SEC);
    expect(rows.size).toBe(0);
  });

  test("append to no other address, also one that is looked for in the same place", () => {
    const rows = new SignedRows(10);
    rows.keep(answer(kept, 56), NOW_SEC);
    // Among so many addresses some are looked for where the first one is.
    const to = answer(kept, 36);
    let appended = 0;
    for (let i = 0; i < 200_000; i++) {
      to.bytes.set([10, i >> 16, (i >> 8) & 255, i & 255], 32);
      if (rows.append(to, NOW_SEC)) appended += 1;
    }
    expect(appended).toBe(0);
  });
});

test("a TTL beyond a day is signed as it is", () => {
  const snapshot = structuredClone(SNAPSHOT);
  const record = snapshot.zones[0]!.records.find((one) => one.name === "long.hosted.example")!;
  Object.assign(record, { ttlSec: 200_000 });
  const { answers } = ask(started([KEY], snapshot), "long.hosted.example");
  expect(answers.map((one) => one.ttlSec)).toEqual([200_000, 200_000]);
});
