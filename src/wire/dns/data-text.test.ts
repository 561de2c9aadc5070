import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  encodeName,
  formatData,
  isDataProblem,
  parseData,
  TYPE,
  typeName,
  typeNumber,
  wordsOf,
} from "./mod.ts";

function parse(type: number, text: string, origin: string | null = null) {
  return parseData(type, wordsOf(text)!, origin === null ? null : encodeName(origin));
}

function octets(type: number, text: string): Uint8Array {
  const data = parse(type, text);
  if (isDataProblem(data)) throw new Error(`${text}: ${data.message}`);
  return data;
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

const KEY = "a".repeat(64);

/** Text -> its canonical text; null where it is the same. */
const GOOD: readonly (readonly [number, string, string | null])[] = [
  [TYPE.A, "192.0.2.1", null],
  [TYPE.AAAA, "2001:DB8:0::1", "2001:db8::1"],
  [TYPE.NS, "NS1.Shop.Example.", "ns1.shop.example"],
  [TYPE.CNAME, ".", "."],
  [TYPE.PTR, "a\\.b.example", null],
  [TYPE.MX, "10 Mail.Example", "10 mail.example"],
  [TYPE.MX, "0 .", null],
  [TYPE.TXT, 'a "b c" "" \\"d', '"a" "b c" "" "\\"d"'],
  [TYPE.TXT, '"\\000\\255\\;;("', '"\\000\\255;;("'],
  [TYPE.TXT, '"é"', '"\\195\\169"'],
  [TYPE.SOA, "a b 1 1h 2m 3 1w", "a b 1 3600 120 3 604800"],
  [TYPE.SRV, "0 5 5060 sip.example", null],
  [TYPE.NAPTR, '100 10 u E2U+sip "!^.*$!x!" .', '100 10 "u" "E2U+sip" "!^.*$!x!" .'],
  [TYPE.CAA, "0 issue ca.example", '0 issue "ca.example"'],
  [TYPE.CAA, '128 iodef "mailto:a@b;c"', null],
  [TYPE.CAA, '0 issue ""', null],
  [TYPE.TLSA, `3 1 1 ${"A".repeat(32)} ${"a".repeat(32)}`, `3 1 1 ${KEY}`],
  [TYPE.TLSA, "3 1 0 00", null],
  [TYPE.DS, `20326 8 2 ${KEY}`, null],
  [TYPE.SSHFP, `4 2 ${KEY}`, null],
  [TYPE.DNSKEY, "257 3 13 AQID BAUG", "257 3 13 AQIDBAUG"],
  [TYPE.HTTPS, "0 svc.example", null],
  [TYPE.HTTPS, "1 .", null],
  [TYPE.HTTPS, "1 . alpn=h2,h3 port=8443", '1 . alpn="h2,h3" port=8443'],
  [TYPE.URI, '10 1 "https://a.example/"', null],
  [TYPE.RP, "a.example .", null],
  [TYPE.AFSDB, "1 afs.example", null],
  [TYPE.HINFO, '"RFC8482" ""', null],
  [TYPE.OPENPGPKEY, "AQID", null],
  [731, "\\# 6 abcd (ef 012 345)".replace(/[()]/g, ""), "\\# 6 abcdef012345"],
  [731, "\\# 0", null],
  [TYPE.A, "\\# 4 0A000001", "10.0.0.1"],
];

describe("parseData() and formatData()", () => {
  for (const [type, text, canonical] of GOOD) {
    test(`read and write ${typeName(type)} ${text.slice(0, 40)}`, () => {
      const data = octets(type, text);
      expect(formatData(type, data)).toBe(canonical ?? text);
      expect(octets(type, canonical ?? text)).toEqual(data);
    });
  }

  test("say what is wrong, and with which word", () => {
    const wrong: readonly (readonly [number, string, number, RegExp])[] = [
      [TYPE.A, "192.0.2.256", 0, /an IPv4 address/],
      [TYPE.A, "", 0, /an IPv4 address/],
      [TYPE.A, "192.0.2.1 x", 1, /nothing more, as in 192/],
      [TYPE.MX, "mail.example", 0, /a number from 0 to 65535/],
      [TYPE.MX, "65536 mail.example", 0, /a number from 0 to 65535/],
      [TYPE.MX, "10", 1, /a name, as in 10 mail/],
      [TYPE.MX, "10 mail..example", 1, /a name/],
      [TYPE.MX, `10 ${"a".repeat(64)}`, 1, /a name/],
      [TYPE.CNAME, "é.example", 0, /a name/],
      [TYPE.TXT, `"${"x".repeat(256)}"`, 0, /at most 255 octets: received 256/],
      [TYPE.TXT, "\\256", 0, /escapes/],
      [TYPE.CAA, "0 is-sue ca", 1, /a tag/],
      [TYPE.DS, "1 8 2 aabb", 3, /64 hexadecimal digits/],
      [TYPE.DS, "1 8 2 aab", 3, /pairs/],
      [TYPE.DNSKEY, "257 3 13 A", 3, /base64/],
      [TYPE.SOA, "a b 1 1h 2m 3 1y", 6, /seconds/],
      [TYPE.HTTPS, "0 . alpn=h2", 2, /no parameters/],
      [TYPE.HTTPS, "1 . port=1 port=2", 2, /port once/],
      [TYPE.HTTPS, "1 . prot=1", 2, /a parameter's name/],
      [TYPE.HTTPS, "1 . no-default-alpn", 2, /alpn beside/],
      [TYPE.HTTPS, "1 . mandatory=port", 2, /port, which is said to be mandatory/],
      [TYPE.HTTPS, "1 . mandatory=mandatory", 2, /other parameters/],
      [TYPE.HTTPS, "1 . ipv4hint=::1", 2, /IPv4 addresses/],
      [TYPE.HTTPS, "1 . ech=", 2, /base64/],
      [731, "abcd", 0, /\\# with a count/],
      [731, "\\# 2 abcdef", 2, /2 octets/],
      [731, "\\# x", 1, /the count/],
      [TYPE.A, "\\# 3 0a0000", 2, /octets that are A data/],
    ];
    for (const [type, text, word, message] of wrong) {
      const found = parse(type, text);
      if (!isDataProblem(found)) throw new Error(`no problem: ${text}`);
      expect([text, found.word]).toEqual([text, word]);
      expect(found.message).toMatch(message);
    }
  });

  test("end relative names in the origin, and leave whole ones", () => {
    const of = (text: string) => formatData(TYPE.NS, parse(TYPE.NS, text, "shop.example") as never);
    expect(["ns", "@", "ns.", "a.b", "x\\."].map(of)).toEqual([
      "ns.shop.example",
      "shop.example",
      "ns",
      "a.b.shop.example",
      "x\\..shop.example",
    ]);
    const long = `${"a.".repeat(120)}a`;
    expect(isDataProblem(parse(TYPE.NS, long, "shop.example.test.net") as never)).toBe(true);
  });

  // RFC 9460, appendix D: name, presentation, wire.
  test("give the octets of RFC 9460's examples", () => {
    const target = "03666f6f076578616d706c6503636f6d00";
    const vectors: readonly (readonly [string, string])[] = [
      ["0 foo.example.com.", `0000${target}`],
      ["1 .", "000100"],
      ["16 foo.example.com. port=53", `0010${target}000300020035`],
      ["1 foo.example.com. key667=hello", `0001${target}029b000568656c6c6f`],
      ['1 foo.example.com. key667="hello\\210qoo"', `0001${target}029b000968656c6c6fd2716f6f`],
      [
        '1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
        `0001${target}0006002020010db800000000000000000000000120010db8000000000000000000530001`,
      ],
      [
        '1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"',
        "0001076578616d706c6503636f6d000006001020010db8012203440000 0000c0000221".replace(" ", ""),
      ],
      [
        "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
        "001003666f6f076578616d706c65036f72670000000004000100040001000902683205" +
          "68332d313900040004c0000201",
      ],
      [
        '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
        "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832",
      ],
      [
        "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
        "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832",
      ],
    ];
    for (const [text, wire] of vectors) expect([text, hex(octets(64, text))]).toEqual([text, wire]);
    for (const [text] of vectors) {
      const data = octets(64, text);
      expect(octets(64, formatData(64, data)!)).toEqual(data);
    }
  });

  test("whatever octets can be written are read back, and no text or octets throw", () => {
    const types = [...new Set([...GOOD.map(([type]) => type), 9999])];
    const samples = GOOD.map(([type, text]) => octets(type, text));
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(...samples)),
        fc.option(fc.tuple(fc.nat(59), fc.nat(255))),
        (type, base, change) => {
          const data = Uint8Array.from(base);
          if (change !== null && change[0] < data.length) data[change[0]] = change[1];
          const text = formatData(type, data, { finalDot: true });
          if (text === null) return;
          const again = parse(type, text, "other.example");
          // Names come back in lower case; that is all that may differ.
          const lower = formatData(type, again as Uint8Array, { finalDot: true });
          expect(lower?.toLowerCase()).toBe(text.toLowerCase());
        },
      ),
      { numRuns: 4000 },
    );
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.string({ maxLength: 60 }), (type, text) => {
        const words = wordsOf(text);
        if (words !== null) parseData(type, words, null);
      }),
      { numRuns: 3000 },
    );
  });
});

test("types have names, and numbers where they have none", () => {
  expect(["a", "TYPE15", "type65535", "caa"].map(typeNumber)).toEqual([1, 15, 65_535, 257]);
  expect(["TYPE65536", "TYPE", "B", ""].map(typeNumber)).toEqual([null, null, null, null]);
  expect([typeName(15), typeName(731)]).toEqual(["MX", "TYPE731"]);
});

test("wordsOf() keeps a quote after = in its word, and refuses one that does not end", () => {
  expect(wordsOf('a="b c" "d e"f "\\""')).toEqual([
    { text: "a=b c", quoted: false },
    { text: "d e", quoted: true },
    { text: "f", quoted: false },
    { text: '\\"', quoted: true },
  ]);
  expect(wordsOf('"a')).toBeNull();
});
