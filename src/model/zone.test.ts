import { expect, test } from "bun:test";
import fc from "fast-check";
import { TYPE } from "../wire/dns/mod.ts";
import { encodeRecordValue, formatRecordValue, ownerName, zone, zoneRecord } from "./zone.ts";

const record = (name: string, type: string, value: string) =>
  zoneRecord.parse({ name, type, value });

test("a record is kept in one form, whatever way it was written", () => {
  expect(record("WWW", "mx", "10 Mail.Shop.Example.")).toEqual({
    name: "www",
    type: "MX",
    ttlSec: 3600,
    value: "10 mail.shop.example",
  });
  expect(record("a\\.b", "TYPE1", "192.0.2.1")).toMatchObject({ name: "a\\046b", type: "A" });
  expect(record("@", "TYPE65280", "\\# 2 ABCD").value).toBe("\\# 2 abcd");
  expect(record("@", "TXT", "v=DKIM1; k=rsa; p=\\x").value).toBe("v=DKIM1; k=rsa; p=\\x");
  expect(record("@", "TXT", '"one"').value).toBe("one");
  expect(record("@", "TXT", '"one" "two"').value).toBe('"one" "two"');
  expect(record("@", "TXT", '""').value).toBe('""');
});

test("what is wrong with a record is said with its path", () => {
  const wrong: readonly (readonly [string, string, string, string, RegExp])[] = [
    ["a..b", "A", "192.0.2.1", "name", /a name in the zone/],
    ["www.", "A", "192.0.2.1", "name", /a name in the zone/],
    ["é", "A", "192.0.2.1", "name", /a name in the zone/],
    ["a", "MXX", "x", "type", /a record type/],
    ["a", "SOA", "x", "type", /no SOA/],
    ["a", "ANY", "x", "type", /a type of data/],
    ["a", "TYPE200", "\\# 0", "type", /a type of data/],
    ["a", "RRSIG", "\\# 0", "type", /signing/],
    ["a", "MX", "mail.shop.example", "value", /from 0 to 65535, as in 10 mail/],
    ["a", "MX", "10 @", "value", /a name/],
    ["a", "A", "x", "value", /such as 192/],
    ["a", "CAA", '0 issue "x', "value", /a closing quote/],
    ["a", "TXT", "x".repeat(65_535), "value", /65535 octets of data: received 65792/],
  ];
  for (const [name, type, value, path, message] of wrong) {
    const parsed = zoneRecord.safeParse({ name, type, value });
    const issues = parsed.error?.issues ?? [];
    expect([name, type, issues.map((i) => i.path.join("."))]).toEqual([name, type, [path]]);
    expect(issues[0]?.message).toMatch(message);
  }
});

test("every text survives being a TXT record, and every record its text", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 600, unit: "grapheme" }), (text) => {
      const data = encodeRecordValue(TYPE.TXT, text);
      if (typeof data === "string") return;
      expect(encodeRecordValue(TYPE.TXT, formatRecordValue(TYPE.TXT, data))).toEqual(data);
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 255 }), { minLength: 1 }), (texts) => {
      const data = Uint8Array.from(texts.flatMap((t) => [t.length, ...t]));
      expect(encodeRecordValue(TYPE.TXT, formatRecordValue(TYPE.TXT, data))).toEqual(data);
    }),
  );
});

test("owner names have one form, which is read as itself", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary-ascii", maxLength: 80 }), (text) => {
      const name = ownerName(text);
      if (name !== null) expect(ownerName(name)).toBe(name);
    }),
  );
  expect(ownerName("*.A")).toBe("*.a");
  expect(["", ".", "a.", "a..b", "x".repeat(64)].map(ownerName)).toEqual(Array(5).fill(null));
});

test("a zone has a bounded number of records", () => {
  const records = Array.from({ length: 10_001 }, (_, i) => {
    return { name: `n${i}`, type: "A", value: "192.0.2.1" };
  });
  expect(zone.safeParse({ name: "shop.example", records }).success).toBe(false);
  expect(zone.safeParse({ name: "shop.example", records: records.slice(1) }).success).toBe(true);
});
