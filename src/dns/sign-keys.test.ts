import { describe, expect, test } from "bun:test";
import { FakeClock } from "../base/clock.ts";
import { seededRng } from "../base/rng.ts";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import {
  decodeMessage,
  encodeMessage,
  FLAG,
  isWireFault,
  type Message,
  makeQuery,
  RCODE,
  TYPE,
} from "../wire/dns/mod.ts";
import { SECURE } from "../wire/dnssec/mod.ts";
import { type Packet, Responder } from "./hot/answer.ts";
import { SIGN_LIMITS, type SignLimits } from "./hot/sign.ts";
import { HELD_CELL, heldOf, responsesOf } from "./hot/tally.ts";
import { compileWorld, healthOf, WORLD } from "./hot/world.fixture.ts";
import { keyOf } from "./sign-keys.fixture.ts";
import { openKeys } from "./sign-keys.ts";

const DAY_MS = 86_400_000;

const KEYS = ["hosted.example", "cdn.example", "in.deeper.hosted.example"].map((zone) =>
  keyOf(zone),
);

function world() {
  const file = structuredClone(WORLD) as typeof WORLD & { dnssec?: boolean };
  file.dnssec = true;
  const [zone] = file.customers[0]!.zones!;
  Object.assign(zone!, { dnssec: true });
  zone!.records.push(
    { name: "*.wild", type: "A", value: "192.0.2.77" },
    { name: "safe", type: "NS", value: "ns.safe.hosted.example" },
    { name: "safe", type: "DS", value: `12345 13 2 ${"ab".repeat(32)}` },
  );
  (zone!.records as object[]).push({
    name: "in.deeper",
    type: "DS",
    value: `4711 13 2 ${"cd".repeat(32)}`,
  });
  const records = [{ name: "www", type: "A", value: "192.0.2.88" }];
  const zones = file.customers[0]!.zones as object[];
  zones.push(
    { name: "in.deeper.hosted.example", dnssec: true, records },
    { name: "bare.hosted.example", records },
  );
  return compileWorld(file);
}

function started(limits: Partial<SignLimits> = {}, clock = new FakeClock()) {
  const snapshot = world();
  const responder = new Responder(1);
  const signing = openKeys(KEYS, clock, { ...SIGN_LIMITS, ...limits });
  responder.sign(signing);
  responder.load(snapshot);
  responder.observe(healthOf(snapshot), NO_ASSIGNMENT);
  return { responder, signer: signing.signer, clock, snapshot };
}

function ask(
  responder: Responder,
  name: string,
  o: {
    type?: number;
    stream?: boolean;
    dnssecOk?: boolean;
    compact?: boolean;
    bytes?: number;
  } = {},
): Message {
  const { type = TYPE.A, stream = false, dnssecOk = true, compact = false, bytes = 1232 } = o;
  const query = makeQuery(7, name, type);
  const edns = { ...query.edns!, dnssecOk, payloadBytes: bytes };
  const octets = encodeMessage({ ...query, edns })!;
  // The flags stand before the length of no options.
  if (compact) octets[octets.length - 4]! |= 0x40;
  const packet: Packet = {
    bytes: octets,
    length: octets.length,
    address: Uint8Array.of(198, 51, 100, 1),
    addressAt: 0,
    family: 4,
    stream,
  };
  const out = new Uint8Array(stream ? 65_535 : 1232);
  const length = responder.answer(packet, out);
  expect(length).toBeLessThanOrEqual(stream ? 65_535 : bytes);
  const message = decodeMessage(out.slice(0, length));
  if (isWireFault(message)) throw new Error(`${name}: ${JSON.stringify(message)}`);
  return message;
}

const typesOf = (records: Message["answers"]) => records.map((record) => record.type);

describe("what a query without DO gets", () => {
  test("has no signature, no proof and NXDOMAIN as ever", () => {
    const { responder, signer } = started();
    const live = ask(responder, "mail.hosted.example", { dnssecOk: false });
    expect(typesOf(live.answers)).toEqual([TYPE.A, TYPE.A]);
    const none = ask(responder, "none.hosted.example", { dnssecOk: false });
    expect([none.rcode, typesOf(none.authorities)]).toEqual([RCODE.NXDOMAIN, [TYPE.SOA]]);
    expect(signer.made).toBe(0);
    const keys = ask(responder, "hosted.example", { type: SECURE.DNSKEY, dnssecOk: false });
    expect(typesOf(keys.answers)).toEqual([SECURE.DNSKEY]);
  });
});

describe("what a query with DO gets", () => {
  test("signatures, never AD, and nothing new from a zone that nobody signs", () => {
    const { responder } = started();
    const live = ask(responder, "c.cdn.example");
    expect(typesOf(live.answers)).toEqual([TYPE.A, SECURE.RRSIG]);
    expect(live.flags & FLAG.AUTHENTIC_DATA).toBe(0);
    expect(live.edns?.dnssecOk).toBe(true);
    const plain = ask(responder, "www.shop.example");
    expect(typesOf(plain.answers)).toEqual([TYPE.A]);
    expect(ask(responder, "none.www.shop.example").rcode).toBe(RCODE.NXDOMAIN);
  });

  test("for ANY only over TCP, so that it is no larger than without (D7, RFC 8482)", () => {
    const { responder } = started();
    for (const name of ["mail.hosted.example", "none.hosted.example", "hosted.example"]) {
      const cut = ask(responder, name, { type: TYPE.ANY });
      expect([cut.flags & FLAG.TRUNCATED, cut.answers]).toEqual([FLAG.TRUNCATED, []]);
    }
    const whole = ask(responder, "mail.hosted.example", { type: TYPE.ANY, stream: true });
    expect(typesOf(whole.answers)).toEqual([TYPE.HINFO, SECURE.RRSIG]);
    const plain = ask(responder, "www.shop.example", { type: TYPE.ANY });
    expect(typesOf(plain.answers)).toEqual([TYPE.HINFO]);
  });

  test("a name that is not there as one without data (RFC 9824), with NSEC of its own", () => {
    const { responder } = started();
    const none = ask(responder, "None.Hosted.Example");
    expect(none.rcode).toBe(RCODE.NOERROR);
    const types = [TYPE.SOA, SECURE.RRSIG, SECURE.NSEC, SECURE.RRSIG];
    expect(typesOf(none.authorities)).toEqual(types);
    // The owner is the name as it was asked, by a pointer.
    expect(none.authorities[2]?.name).toBe("None.Hosted.Example");
    const [, , nsec] = none.authorities;
    const data = nsec?.data.kind === "raw" ? nsec.data.bytes : new Uint8Array();
    // Window 0 of 17 octets: RRSIG and NSEC in the sixth, NXNAME in the last.
    const bitmap = [0, 17, ...Array<number>(5).fill(0), 3, ...Array<number>(10).fill(0), 0x80];
    expect([...data.subarray(-19)]).toEqual(bitmap);
    // What was sent is what is counted.
    expect([...responsesOf(responder.tally.cells)]).toEqual([{ rcode: "NOERROR", count: 1 }]);
  });

  test("NXDOMAIN beside that proof, for who says that it takes it (RFC 9824 5.1)", () => {
    const { responder } = started();
    const types = [TYPE.SOA, SECURE.RRSIG, SECURE.NSEC, SECURE.RRSIG];
    const none = ask(responder, "none.hosted.example", { compact: true });
    expect([none.rcode, typesOf(none.authorities)]).toEqual([RCODE.NXDOMAIN, types]);
    const live = ask(responder, "mail.hosted.example", { type: TYPE.MX, compact: true });
    expect([live.rcode, typesOf(live.authorities)]).toEqual([RCODE.NOERROR, types]);
    const alone = ask(responder, "none.hosted.example", { compact: true, dnssecOk: false });
    expect([alone.rcode, typesOf(alone.authorities)]).toEqual([RCODE.NXDOMAIN, [TYPE.SOA]]);
  });

  test("the proof itself to who asks for NSEC, and a referral with the proof that no DS is there", () => {
    const { responder } = started();
    const nsec = ask(responder, "mail.hosted.example", { type: SECURE.NSEC });
    expect([typesOf(nsec.answers), nsec.authorities]).toEqual([[SECURE.NSEC, SECURE.RRSIG], []]);
    const referral = ask(responder, "x.sub.hosted.example");
    expect(typesOf(referral.authorities)).toEqual([TYPE.NS, SECURE.NSEC, SECURE.RRSIG]);
    expect(typesOf(referral.additionals)).toEqual([TYPE.A]);
    expect(referral.flags & FLAG.AUTHORITATIVE).toBe(0);
    const safe = ask(responder, "x.safe.hosted.example");
    expect(typesOf(safe.authorities)).toEqual([TYPE.NS, SECURE.DS, SECURE.RRSIG]);
    const ds = ask(responder, "safe.hosted.example", { type: SECURE.DS });
    expect(typesOf(ds.answers)).toEqual([SECURE.DS, SECURE.RRSIG]);
  });

  test("of a zone of ours below another: its DS by the upper, and all else by itself", () => {
    const { responder } = started();
    const signer = (message: Message) =>
      [...message.answers, ...message.authorities].flatMap(({ type, data }) => {
        if (type !== SECURE.RRSIG || data.kind !== "raw") return [];
        const name = data.bytes.subarray(18, 18 + 10);
        return [String.fromCharCode(...name.subarray(1, 1 + name[0]!))];
      });
    const ds = ask(responder, "in.deeper.hosted.example", { type: SECURE.DS });
    expect([typesOf(ds.answers), signer(ds)]).toEqual([[SECURE.DS, SECURE.RRSIG], ["hosted"]]);
    const www = ask(responder, "www.in.deeper.hosted.example");
    expect([typesOf(www.answers), signer(www)]).toEqual([[TYPE.A, SECURE.RRSIG], ["in"]]);
    // Denied by whose it is: the apex has no DS of its own to list, and the cut has nothing but NS.
    const proof = [TYPE.SOA, SECURE.RRSIG, SECURE.NSEC, SECURE.RRSIG];
    const bitmapOf = ({ authorities }: Message) => {
      const data = authorities[2]!.data.kind === "raw" ? authorities[2]!.data.bytes : [];
      return Buffer.from(data).toString("hex");
    };
    const apex = ask(responder, "in.deeper.hosted.example", { type: TYPE.MX });
    expect([typesOf(apex.authorities), signer(apex)]).toEqual([proof, ["in", "in"]]);
    // NS, SOA; RRSIG, NSEC, DNSKEY; CDS, CDNSKEY.
    expect(bitmapOf(apex)).toEndWith("00082200000000038018");
    const bare = ask(responder, "bare.hosted.example", { type: SECURE.DS });
    expect([bare.rcode, typesOf(bare.authorities), signer(bare)]).toEqual([
      RCODE.NOERROR,
      proof,
      ["hosted", "hosted"],
    ]);
    // NS; RRSIG, NSEC.
    expect(bitmapOf(bare)).toEndWith("0006200000000003");
    expect(typesOf(ask(responder, "www.bare.hosted.example").answers)).toEqual([TYPE.A]);
    // What stands between is there, and of the upper.
    const between = ask(responder, "deeper.hosted.example", { dnssecOk: false });
    expect([between.rcode, between.authorities[0]?.name]).toEqual([0, "hosted.example"]);
    // No zone above is ours: the zone itself says that it has none.
    const top = ask(responder, "hosted.example", { type: SECURE.DS });
    expect([typesOf(top.authorities), signer(top)]).toEqual([proof, ["hosted", "hosted"]]);
  });

  test("TC where signatures do not fit, and all of it over TCP", () => {
    const { responder } = started();
    const cut = ask(responder, "big.hosted.example", { type: TYPE.TXT });
    expect([cut.flags & FLAG.TRUNCATED, cut.answers]).toEqual([FLAG.TRUNCATED, []]);
    const whole = ask(responder, "big.hosted.example", { type: TYPE.TXT, stream: true });
    expect(typesOf(whole.answers)).toEqual([TYPE.TXT, SECURE.RRSIG]);
  });
});

describe("signatures", () => {
  test("are made once, also when health changes the TTL or comes back to an address", () => {
    const { responder, signer, snapshot } = started();
    ask(responder, "www.hosted.example");
    ask(responder, "www.hosted.example", { stream: true });
    expect(signer.made).toBe(1);
    const health = healthOf(snapshot);
    const id = "www.hosted.example/one";
    const young = { ...health.targets[id]!, young: true };
    responder.observe({ ...health, targets: { ...health.targets, [id]: young } }, NO_ASSIGNMENT);
    const [address] = ask(responder, "www.hosted.example").answers;
    expect(address?.ttlSec).toBe(5);
    expect(signer.made).toBe(1);
  });

  test("of steered addresses are copied for each TTL, address and case as if made for it", () => {
    const { responder, signer, snapshot } = started();
    const dataOf = (message: Message, i: number) => {
      const { data } = message.answers[i]!;
      return data.kind === "raw" ? Buffer.from(data.bytes).toString("hex") : data;
    };
    const first = ask(responder, "c.cdn.example");
    const second = ask(responder, "C.cdn.EXAMPLE");
    expect([typesOf(second.answers), dataOf(second, 1)]).toEqual([
      [TYPE.A, SECURE.RRSIG],
      dataOf(first, 1),
    ]);
    expect(second.answers.map((record) => record.name)).toEqual(["C.cdn.EXAMPLE", "C.cdn.EXAMPLE"]);
    const health = healthOf(snapshot, {}, ["node/a"]);
    responder.observe(health, NO_ASSIGNMENT);
    const other = ask(responder, "c.cdn.example");
    expect(dataOf(other, 0)).not.toEqual(dataOf(first, 0));
    expect(dataOf(other, 1)).not.toEqual(dataOf(first, 1));
    responder.observe(healthOf(snapshot), NO_ASSIGNMENT);
    const back = ask(responder, "c.cdn.example");
    expect([dataOf(back, 0), dataOf(back, 1)]).toEqual([dataOf(first, 0), dataOf(first, 1)]);
    expect(signer.made).toBe(2);
    for (const { ttlSec, answers } of [other, back].map((m) => ({
      ...m,
      ttlSec: m.answers[0]!.ttlSec,
    }))) {
      expect(answers.map((record) => record.ttlSec)).toEqual([ttlSec, ttlSec]);
    }
  });

  test("are made anew long before they end, and the old one serves while none may be made", () => {
    const { responder, signer, clock } = started({ keptPerSec: 1 });
    ask(responder, "www.hosted.example");
    clock.advance(2.9 * DAY_MS);
    ask(responder, "www.hosted.example");
    expect(signer.made).toBe(1);
    clock.advance(1.2 * DAY_MS);
    ask(responder, "mail.hosted.example");
    expect(signer.made).toBe(2);
    expect(typesOf(ask(responder, "www.hosted.example").answers)).toContain(SECURE.RRSIG);
    expect(signer.made).toBe(2);
    clock.advance(700_000);
    ask(responder, "www.hosted.example");
    expect(signer.made).toBe(3);
  });
});

describe("a flood of names that do not exist", () => {
  test("takes a bounded number of signatures and entries, and starves no live name", () => {
    const { responder, signer } = started({ onceUdpPerSec: 50, onceTcpPerSec: 20, onceMax: 32 });
    const rng = seededRng(9);
    const invent = () => `${rng.float().toString(36).slice(2)}.wild.hosted.example`;
    let cut = 0;
    for (let i = 0; i < 2000; i++) {
      const type = i % 2 === 0 ? TYPE.A : TYPE.TXT;
      if ((ask(responder, invent(), { type }).flags & FLAG.TRUNCATED) !== 0) cut += 1;
    }
    expect(cut).toBeGreaterThan(1900);
    expect(signer.made).toBeLessThan(60);
    expect(signer.size).toBeLessThan(70);
    let failed = 0;
    for (let i = 0; i < 100; i++) {
      if (ask(responder, invent(), { stream: true }).rcode === RCODE.SERVFAIL) failed += 1;
    }
    expect(failed).toBeGreaterThan(70);
    const { cells } = responder.tally;
    expect(heldOf(cells, HELD_CELL.SIGNATURES)).toBe(signer.made);
    expect(heldOf(cells, HELD_CELL.UNSIGNED)).toBe(cut + failed);
    const live = ask(responder, "mail.hosted.example");
    expect(typesOf(live.answers)).toEqual([TYPE.A, TYPE.A, SECURE.RRSIG]);
    const plain = ask(responder, invent(), { dnssecOk: false });
    expect(typesOf(plain.answers)).toEqual([TYPE.A]);
  });
});

test("every answer to odd questions can be read and fits, whatever is asked", () => {
  const { responder } = started({ onceUdpPerSec: 1e6, onceTcpPerSec: 1e6, keptPerSec: 1e6 });
  const rng = seededRng(4);
  const of = <T>(list: readonly T[]) => list[Math.floor(rng.float() * list.length)]!;
  const labels = ["mail", "a", "*", "wild", "sub", "deep", "x".repeat(63), "loop1", "\\000"];
  const zones = ["hosted.example", "cdn.example", "www.shop.example"];
  const types = [...Object.values(TYPE).filter((type) => type < 128), 46, 47, 48, 59, 60, 255];
  for (let i = 0; i < 3000; i++) {
    const own = Array.from({ length: Math.floor(rng.float() * 4) }, () => of(labels));
    const name = [...own, of(zones)].join(".");
    const bytes = of([512, 700, 1232]);
    ask(responder, name, { type: of(types), stream: rng.float() < 0.2, bytes });
  }
  expect(responder.failures).toBe(0);
});
