import { expect, test } from "bun:test";
import { Fault } from "../../base/fault.ts";
import type { NameResolver } from "../../model/resolver.ts";
import { encodeRecordValue } from "../../model/zone.ts";
import { makeQuery, type ResourceRecord, TYPE } from "../../wire/dns/mod.ts";
import { checkCaa } from "./caa.ts";

const ASK = {
  issuers: ["ca.example"],
  challenge: "http-01",
  account: "https://ca.example/1",
} as const;

function record(name: string, type: number, text: string): ResourceRecord {
  const base = { name, type, class: 1, ttlSec: 60 };
  if (type === TYPE.CNAME) return { ...base, data: { kind: "name", name: text } };
  const bytes = encodeRecordValue(type, text);
  if (typeof bytes === "string") throw new Error(text);
  return { ...base, data: { kind: "raw", bytes } };
}

/** A resolver of a table: name -> its answer; null where it does not answer. */
function tableOf(answers: Readonly<Record<string, readonly ResourceRecord[] | null>>) {
  const asked: string[] = [];
  const lookup: NameResolver["lookup"] = async (name, type) => {
    asked.push(name);
    const found = answers[name];
    if (found === null) throw new Fault("bus-timeout", name);
    return { ...makeQuery(1, name, type), answers: found ?? [] };
  };
  return { asked, resolver: { lookup, lookupAt: lookup } as unknown as NameResolver };
}

async function outcome(host: string, answers: Parameters<typeof tableOf>[0]) {
  const { asked, resolver } = tableOf(answers);
  const fault = await checkCaa(host, resolver, ASK).catch((error: unknown) => error);
  return [fault instanceof Fault ? `${fault.code}: ${fault.detail}` : fault, asked.join(" ")];
}

test("checkCaa() climbs to the nearest name that has CAA, and no further (RFC 8659 3)", async () => {
  const other = [record("shop.example", TYPE.CAA, '0 issue "other.example"')];
  expect(await outcome("www.shop.example", { "shop.example": other })).toEqual([
    "caa-forbids: CAA of shop.example for www.shop.example: only other.example may issue, and not ca.example",
    "www.shop.example shop.example",
  ]);
  const own = [record("WWW.shop.example", TYPE.CAA, '0 issue "ca.example"')];
  const both = { "shop.example": other, "www.shop.example": own };
  expect(await outcome("www.shop.example", both)).toEqual([undefined, "www.shop.example"]);
  expect(await outcome("www.shop.example", {})).toEqual([
    undefined,
    "www.shop.example shop.example example",
  ]);
});

test("checkCaa() follows aliases at each name, and climbs from the name itself", async () => {
  const alias = record("www.shop.example", TYPE.CNAME, "a.other.example");
  const next = record("a.other.example", TYPE.CNAME, "b.other.example");
  const there = record("b.other.example", TYPE.CAA, '0 issue ";"');
  const astray = record("c.other.example", TYPE.CAA, '0 issue ";"');
  expect(await outcome("www.shop.example", { "www.shop.example": [there, next, alias] })).toEqual([
    "caa-forbids: CAA of www.shop.example for www.shop.example: nobody may issue",
    "www.shop.example",
  ]);
  const chain = { "www.shop.example": [alias, next, astray] };
  expect(await outcome("www.shop.example", chain)).toEqual([
    undefined,
    "www.shop.example shop.example example",
  ]);
  const loop = [alias, record("a.other.example", TYPE.CNAME, "www.shop.example")];
  expect((await outcome("www.shop.example", { "www.shop.example": loop }))[0]).toBeUndefined();
});

test("checkCaa() leaves it to the authority where no resolver answers; what cannot be read forbids", async () => {
  expect(await outcome("www.shop.example", { "www.shop.example": null })).toEqual([
    undefined,
    "www.shop.example",
  ]);
  const data = { kind: "raw", bytes: Uint8Array.of(0, 0) } as const;
  const broken = [{ ...record("a.example", TYPE.CAA, '0 issue "x"'), data }];
  expect((await outcome("a.example", { "a.example": broken }))[0]).toMatch(/unreadable/);
});
