// biome-ignore-all lint/suspicious/noTemplateCurlyInString: $GENERATE writes them so
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decodeName, encodeName, formatData, isWireFault, typeName } from "../dns/mod.ts";
import { formatZoneFile, type MasterRecord, parseZoneFile, type ZoneFileOptions } from "./mod.ts";

const ORIGIN = "shop.example";

function lines(text: string, o: Partial<ZoneFileOptions> = {}): string[] {
  const parsed = parseZoneFile(text, { origin: ORIGIN, ...o });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value.map(({ name, ttlSec, type, data }) => {
    const owner = decodeName(name, 0);
    const text = isWireFault(owner) ? "?" : owner.name;
    return `${text} ${ttlSec} ${typeName(type)} ${formatData(type, data)}`;
  });
}

function problems(text: string, o: Partial<ZoneFileOptions> = {}): string[] {
  const parsed = parseZoneFile(text, { origin: ORIGIN, ...o });
  if (parsed.ok) return [];
  return parsed.problems.map((p) => `${p.line}:${p.column} ${p.message} = ${p.received}`);
}

describe("parseZoneFile()", () => {
  test("reads what RFC 1035 5 and BIND write", () => {
    const text = `; the zone of a shop
$TTL 1h
@       IN SOA ns1 host\\.master (
                2026112201 ; serial
                2h 30m     ; refresh and retry
                1w 5 )
        NS  ns1
        3600 IN NS ns2.elsewhere.test.
ns1     A   192.0.2.1
Mail 1D IN A 192.0.2.2
     IN 2D AAAA 2001:db8::2
@       MX  10 mail
txt     TXT "a;b" c\\;d "e\\"f" \\065\\\\
multi   TXT ( "one"
              "two" )
$ORIGIN sub
host    CNAME @
$ORIGIN shop.example.
a\\.b    A 192.0.2.3
*.w     TYPE731 \\# 2 abcd
x       CLASS1 TYPE1 \\# 4 c0000204
`;
    expect(lines(text)).toEqual([
      "shop.example 3600 SOA ns1.shop.example host\\.master.shop.example 2026112201 7200 1800 604800 5",
      "shop.example 3600 NS ns1.shop.example",
      "shop.example 3600 NS ns2.elsewhere.test",
      "ns1.shop.example 3600 A 192.0.2.1",
      "mail.shop.example 86400 A 192.0.2.2",
      "mail.shop.example 172800 AAAA 2001:db8::2",
      "shop.example 3600 MX 10 mail.shop.example",
      'txt.shop.example 3600 TXT "a;b" "c;d" "e\\"f" "A\\\\"',
      'multi.shop.example 3600 TXT "one" "two"',
      "host.sub.shop.example 3600 CNAME sub.shop.example",
      "a\\.b.shop.example 3600 A 192.0.2.3",
      "*.w.shop.example 3600 TYPE731 \\# 2 abcd",
      "x.shop.example 3600 A 192.0.2.4",
    ]);
  });

  test("takes the TTL from the record before, else the SOA's minimum", () => {
    expect(lines("@ SOA a b 1 2 3 4 77\na A 192.0.2.1\nb 5 A 192.0.2.1\nc A 192.0.2.1")).toEqual([
      "shop.example 77 SOA a.shop.example b.shop.example 1 2 3 4 77",
      "a.shop.example 77 A 192.0.2.1",
      "b.shop.example 5 A 192.0.2.1",
      "c.shop.example 5 A 192.0.2.1",
    ]);
  });

  test("tells every problem with its line and column", () => {
    const text = `a A 192.0.2.1
$TTL soon
$TTL 60
b A 192.0.2.256
c MX mail
d.elsewhere.test. A 192.0.2.1
e CH TXT x
f 60 61 A 192.0.2.1
g FOO x
h TXT "open
i TXT ( x
j..k A 192.0.2.1
l A
$NOSUCH x
$INCLUDE other.zone
`;
    expect(problems(text)).toEqual([
      "1:1 expected a TTL: there is no $TTL, and no record before this one has any = a",
      "2:6 expected seconds, such as 3600 or 1h = soon",
      "4:5 expected an IPv4 address, such as 192.0.2.10 = 192.0.2.256",
      "5:6 expected a number from 0 to 65535 = mail",
      "6:1 expected a name in shop.example = d.elsewhere.test.",
      "7:3 expected class IN = CH",
      "8:6 expected a TTL, IN or a record type = 61",
      "9:3 expected a TTL, IN or a record type = FOO",
      "10:7 expected a closing quote on this line = undefined",
      "11:7 expected a closing ) = undefined",
    ]);
    expect(problems(`${text.split("\n").slice(11).join("\n")}`, { ttlSec: 1 })).toEqual([
      "1:1 expected a name = j..k",
      "2:4 expected an IPv4 address, as in 192.0.2.10 = nothing",
      "3:1 expected $ORIGIN, $TTL, $INCLUDE or $GENERATE = $NOSUCH",
      "4:10 expected no $INCLUDE here = other.zone",
    ]);
    expect(problems(" A 192.0.2.1", { ttlSec: 1 })[0]).toStartWith("1:2 expected an owner");
    expect(problems("a A 192.0.2.1 )", { ttlSec: 1 })[0]).toStartWith("1:15 expected a (");
    expect(problems("x", { ttlSec: 1 })[0]).toStartWith("1:2 expected a record type");
  });

  test("makes records of $GENERATE, within a bound", () => {
    const o = { ttlSec: 1 };
    expect(lines("$GENERATE 1-3 h$ A 192.0.2.$", o)).toEqual([
      "h1.shop.example 1 A 192.0.2.1",
      "h2.shop.example 1 A 192.0.2.2",
      "h3.shop.example 1 A 192.0.2.3",
    ]);
    expect(lines("$GENERATE 8-10/2 ${0,3} 60 IN PTR h${-8,2,x}.\\$", o)).toEqual([
      "008.shop.example 60 PTR h00.$.shop.example",
      "010.shop.example 60 PTR h02.$.shop.example",
    ]);
    expect(lines("$GENERATE 26-26 ${0,4,n} PTR x", o)[0]).toStartWith("a.1.0.shop.example");
    expect(problems("$GENERATE 1-1000000 h$ A 192.0.2.1", o)[0]).toContain(
      "at most 100000 records",
    );
    expect(problems("$GENERATE 1-300 h$ A 192.0.2.$", o)).toEqual([
      "1:22 expected an IPv4 address, such as 192.0.2.10 = 192.0.2.256",
    ]);
    expect(problems("$GENERATE 3-1 h$ A 192.0.2.$", o)[0]).toStartWith("1:11 expected a range");
    expect(problems("$GENERATE 1-2 h${x} A 192.0.2.$", o)[0]).toStartWith("1:15 expected $ or");
    expect(problems("a A 192.0.2.1\nb A 192.0.2.1", { ttlSec: 1, recordsMax: 1 })[0]).toStartWith(
      "2:1",
    );
  });

  test("reads files only through the caller, with their own origin, and not without end", () => {
    const files: Record<string, string> = {
      a: "x A 192.0.2.1\n$ORIGIN deep\ny A 192.0.2.2",
      bad: "\n x y",
      loop: "$INCLUDE loop",
    };
    const o = { ttlSec: 1, include: (name: string) => files[name] ?? null };
    expect(lines("$INCLUDE a in\nz A 192.0.2.3", o)).toEqual([
      "x.in.shop.example 1 A 192.0.2.1",
      "y.deep.in.shop.example 1 A 192.0.2.2",
      "z.shop.example 1 A 192.0.2.3",
    ]);
    expect(problems("\n$INCLUDE loop", o)).toEqual([
      "2:1 expected fewer files, one within the other = loop",
    ]);
    const found = parseZoneFile("o A 192.0.2.1\n$INCLUDE bad", { origin: ORIGIN, ...o });
    expect(found.ok ? [] : found.problems).toEqual([
      {
        path: "bad:2:2",
        message: "expected a TTL, IN or a record type",
        received: "x",
        line: 2,
        column: 1,
      },
    ]);
  });
});

const label = fc.oneof(
  fc.constantFrom(
    "www",
    "a",
    "*",
    "_tcp",
    "\\@",
    "\\$x",
    "x\\.y",
    "\\000",
    "semi\\;",
    '\\"',
    "\\040",
  ),
  fc.stringMatching(/^[a-z0-9]{1,20}$/),
);
const relative = fc.array(label, { maxLength: 4 }).map((l) => [...l, ORIGIN].join("."));
const word = fc.uint8Array({ maxLength: 40 });
const data = fc.oneof(
  fc.ipV4().map((text) => ({ type: 1, data: Uint8Array.from(text.split(".").map(Number)) })),
  relative.map((name) => ({ type: 5, data: encodeName(name)! })),
  fc.tuple(fc.nat(65_535), relative).map(([preference, name]) => {
    return { type: 15, data: Uint8Array.of(preference >> 8, preference, ...encodeName(name)!) };
  }),
  fc.array(word, { minLength: 1, maxLength: 3 }).map((texts) => {
    return { type: 16, data: Uint8Array.from(texts.flatMap((t) => [t.length, ...t])) };
  }),
  word.map((bytes) => ({
    type: 257,
    data: Uint8Array.of(0, 5, 105, 115, 115, 117, 101, ...bytes),
  })),
  word.map((bytes) => ({ type: 65_300, data: bytes })),
  fc.nat(65_535).map((port) => {
    return { type: 65, data: Uint8Array.of(0, 1, 0, 0, 3, 0, 2, port >> 8, port) };
  }),
);
const record = fc
  .record({ name: relative, ttlSec: fc.constantFrom(0, 60, 3600, 0x7fffffff), is: data })
  .map(({ name, ttlSec, is }) => ({ name: encodeName(name)!, ttlSec, ...is }));

describe("formatZoneFile()", () => {
  test("writes one form: sorted, relative, each owner once", () => {
    const text = `$TTL 60
b A 192.0.2.2
a.b A 192.0.2.1
@ TXT x
@ SOA ns host 1 2 3 4 5
@ NS ns
b 5 AAAA ::1
`;
    const parsed = parseZoneFile(text, { origin: ORIGIN });
    if (!parsed.ok) throw new Error("a zone");
    expect(formatZoneFile(parsed.value, { origin: ORIGIN })).toBe(`$ORIGIN shop.example.
$TTL 60
@\tIN SOA ns.shop.example. host.shop.example. 1 2 3 4 5
\tIN NS ns.shop.example.
\tIN TXT "x"
b\tIN A 192.0.2.2
\t5 IN AAAA ::1
a.b\tIN A 192.0.2.1
`);
  });

  test("is read back as the same records, and written again as the same text", () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), (records) => {
        const text = formatZoneFile(records, { origin: ORIGIN });
        const parsed = parseZoneFile(text, { origin: ORIGIN });
        if (!parsed.ok) throw new Error(`${text}\n${JSON.stringify(parsed.problems)}`);
        expect(formatZoneFile(parsed.value, { origin: ORIGIN })).toBe(text);
        const plain = (all: readonly Pick<MasterRecord, "name" | "ttlSec" | "type" | "data">[]) =>
          all
            .map(
              ({ name, ttlSec, type, data }) => `${name.join()} ${ttlSec} ${type} ${data.join()}`,
            )
            .sort();
        expect(plain(parsed.value)).toEqual(plain(records));
      }),
      { numRuns: 500 },
    );
  });
});

test("no text makes parseZoneFile() throw, and every problem has a place in the text", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...[
        '"',
        "(",
        ")",
        ";",
        "\n",
        " ",
        "\t",
        "\\",
        "\\1",
        "$",
        "@",
        "$TTL 1\n",
        "$ORIGIN a\n",
        "${",
      ],
      ...[
        "$GENERATE 1-9 a$ A 192.0.2.$\n",
        "$INCLUDE x\n",
        "a A 192.0.2.1\n",
        " MX 10 a\n",
        "\r\n",
      ],
      ...[
        "b TXT x ( y\n z )\n",
        "c HTTPS 1 . alpn=h2\n",
        "d TYPE9 \\# 1 00\n",
        "IN ",
        "CH ",
        "1h ",
      ],
    ),
    fc.string({ maxLength: 6, unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 25 }), (pieces) => {
      const text = pieces.join("");
      const parsed = parseZoneFile(text, {
        origin: ORIGIN,
        recordsMax: 50,
        include: () => "b A 1",
      });
      if (parsed.ok) return;
      const rows = text.split("\n");
      for (const { line, column } of parsed.problems) {
        expect(line).toBeGreaterThan(0);
        expect(line).toBeLessThanOrEqual(rows.length);
        expect(column).toBeGreaterThan(0);
      }
    }),
    { numRuns: 3000 },
  );
});
