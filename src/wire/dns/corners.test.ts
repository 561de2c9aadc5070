// Each way out of a decoder, by a case of its own: property tests come to most of them, but not each time.
import { describe, expect, test } from "bun:test";
import {
  decodeClientSubnet,
  decodeMessage,
  encodeMessage,
  encodeName,
  FAULT,
  formatData,
  isDataProblem,
  makeQuery,
  OPTION,
  parseData,
  parseSeconds,
  Query,
  readQuery,
  TYPE,
  VERDICT,
  type WireFault,
  wordsOf,
} from "./mod.ts";

/** A response with one record of this type: its owner is the root, its data as given. */
function withRecord(type: number, data: readonly number[], klass = 1): Uint8Array {
  const head = [0, 1, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, type >> 8, type & 255, 0, klass];
  return Uint8Array.from([...head, 0, 0, 0, 60, data.length >> 8, data.length & 255, ...data]);
}

/** A query for the root's addresses with these options. */
function withOptions(...options: readonly (readonly [number, readonly number[]])[]): Uint8Array {
  const data = options.flatMap(([code, own]) => [code >> 8, code & 255, 0, own.length, ...own]);
  const question = [0, 0, 1, 0, 1];
  const opt = [0, 0, TYPE.OPT, 4, 208, 0, 0, 0, 0, data.length >> 8, data.length & 255, ...data];
  return Uint8Array.from([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, ...question, ...opt]);
}

describe("decodeClientSubnet()", () => {
  test("takes what RFC 7871 allows, and nothing else", () => {
    const fault = (...data: number[]) => decodeClientSubnet(Uint8Array.from(data));
    expect(fault(0, 1, 24)).toBe(FAULT.CLIENT_SUBNET);
    expect(fault(0, 3, 0, 0)).toBe(FAULT.CLIENT_SUBNET);
    expect(fault(0, 0, 8, 0, 10)).toBe(FAULT.CLIENT_SUBNET);
    expect(fault(0, 1, 33, 0, 1, 2, 3, 4, 5)).toBe(FAULT.CLIENT_SUBNET);
    expect(fault(0, 1, 24, 33, 1, 2, 3)).toBe(FAULT.CLIENT_SUBNET);
    expect(fault(0, 1, 24, 0, 1, 2)).toBe(FAULT.CLIENT_SUBNET);
    expect(fault(0, 1, 23, 0, 1, 2, 3)).toBe(FAULT.CLIENT_SUBNET);
    const address = Uint8Array.of(1, 2, 2, 0);
    expect(fault(0, 1, 23, 9, 1, 2, 2)).toEqual({
      family: 4,
      address,
      sourceBits: 23,
      scopeBits: 9,
    });
    const none = { address: new Uint8Array(4), sourceBits: 0, scopeBits: 0 };
    expect(fault(0, 0, 0, 0)).toEqual({ family: 4, ...none });
    expect(fault(0, 2, 0, 0)).toEqual({ family: 6, ...none, address: new Uint8Array(16) });
  });
});

describe("decodeMessage()", () => {
  test("refuses records whose data is none of their type", () => {
    const mx = [0, 10, 1, 97, 0];
    const naptr = [0, 1, 0, 1, 1, 97, 0];
    const cases: readonly (readonly [number, readonly number[], WireFault])[] = [
      [TYPE.A, [1, 2, 3], FAULT.DATA],
      [TYPE.NS, [1, 97, 0, 0], FAULT.DATA],
      [TYPE.NS, [0xc0], FAULT.SHORT],
      [TYPE.MX, [0, 10, 0xc0, 200], FAULT.POINTER],
      [TYPE.MX, [...mx, 0], FAULT.DATA],
      [TYPE.MX, [0], FAULT.DATA],
      [TYPE.NAPTR, [0, 1, 0, 1], FAULT.DATA],
      [TYPE.NAPTR, [...naptr, 200], FAULT.DATA],
      [TYPE.TXT, [], FAULT.DATA],
      [TYPE.TXT, [2, 97], FAULT.DATA],
      [TYPE.SOA, [0, 0, 1], FAULT.DATA],
      [TYPE.SOA, [64], FAULT.LABEL],
      [TYPE.SOA, [0, 64], FAULT.LABEL],
    ];
    for (const [type, data, fault] of cases) {
      expect([type, data, decodeMessage(withRecord(type, data))]).toEqual([type, data, fault]);
    }
  });

  test("writes names in data out, and leaves the data of other classes alone", () => {
    const data = (type: number, octets: readonly number[], klass?: number) => {
      const message = decodeMessage(withRecord(type, octets, klass));
      return "fault" in message ? message : message.answers[0]!.data;
    };
    const raw = (octets: readonly number[]) => ({
      kind: "raw" as const,
      bytes: Uint8Array.from(octets),
    });
    const naptr = [0, 1, 0, 1, 1, 117, 0, 0, 1, 97, 0];
    expect(data(TYPE.NAPTR, naptr)).toEqual(raw(naptr));
    // Octet 12 is the owner, the root.
    expect(data(TYPE.MX, [0, 10, 1, 97, 0xc0, 12])).toEqual(raw([0, 10, 1, 97, 0]));
    expect(data(TYPE.HTTPS, [0, 1, 0, 0, 3, 0, 2, 1, 187])).toEqual(
      raw([0, 1, 0, 0, 3, 0, 2, 1, 187]),
    );
    expect(data(TYPE.A, [1, 2, 3], 3)).toEqual(raw([1, 2, 3]));
  });

  test("refuses what ends within a question, a record or an option", () => {
    const whole = withRecord(TYPE.A, [1, 2, 3, 4]);
    for (const length of [0, 11, 12, 13, 20, whole.length - 1]) {
      expect([length, decodeMessage(whole.slice(0, length))]).toEqual([length, FAULT.SHORT]);
    }
    const question = encodeMessage({ ...makeQuery(1, "a", 1), edns: null })!;
    expect(decodeMessage(question.slice(0, -1))).toBe(FAULT.SHORT);
    expect(decodeMessage(question.slice(0, 13))).toBe(FAULT.SHORT);
    const cut = withOptions([OPTION.NSID, []]);
    // Its length says five octets, then four and a longer option.
    expect(decodeMessage(Uint8Array.from([...cut.with(-5, 5), 0]))).toBe(FAULT.EDNS);
    expect(decodeMessage(cut.with(-1, 9))).toBe(FAULT.EDNS);
  });

  test("takes one client subnet, and says what is wrong with one", () => {
    const subnet = [0, 1, 24, 0, 1, 2, 3];
    const code = OPTION.CLIENT_SUBNET;
    expect("fault" in decodeMessage(withOptions([code, subnet]))).toBe(false);
    expect(decodeMessage(withOptions([code, subnet], [code, subnet]))).toBe(FAULT.CLIENT_SUBNET);
    expect(decodeMessage(withOptions([code, [0, 1]]))).toBe(FAULT.CLIENT_SUBNET);
  });
});

describe("encodeMessage()", () => {
  test("gives null wherever the room ends", () => {
    const query = makeQuery(1, "a.b.example", TYPE.A);
    const data = { kind: "texts" as const, texts: [Uint8Array.of(1, 2)] };
    const record = { name: "c.b.example", type: TYPE.TXT, class: 1, ttlSec: 1, data };
    const message = { ...query, answers: [record] };
    const whole = encodeMessage(message)!;
    for (let size = 12; size < whole.length; size++) {
      expect([size, encodeMessage(message, size)]).toEqual([size, null]);
    }
    expect(encodeMessage(message, whole.length)).toEqual(whole);
  });
});

describe("readQuery()", () => {
  const read = (packet: Uint8Array) => {
    const query = new Query();
    return [readQuery(packet, packet.length, query), query.cookieAt] as const;
  };

  test("takes the first of two cookies (RFC 7873 5.2)", () => {
    const cookie = [1, 2, 3, 4, 5, 6, 7, 8] as const;
    const packet = withOptions([OPTION.COOKIE, cookie], [OPTION.COOKIE, [...cookie].reverse()]);
    expect(read(packet)).toEqual([VERDICT.ANSWER, packet.length - 20]);
    expect(read(withOptions([OPTION.COOKIE, cookie], [OPTION.COOKIE, [1]]))[0]).toBe(
      VERDICT.FORMERR,
    );
  });
});

describe("data as text", () => {
  const octets = (...list: readonly (number | readonly number[])[]) => Uint8Array.from(list.flat());
  const parse = (type: number, text: string) => parseData(type, wordsOf(text)!, null);
  const problem = (type: number, text: string) => {
    const data = parse(type, text);
    return isDataProblem(data) ? data.message : null;
  };

  test("says what is wrong with words that are nearly right", () => {
    const strings = Array.from({ length: 300 }, () => `"${"x".repeat(255)}"`).join(" ");
    expect(problem(TYPE.TXT, strings)).toMatch(/at most 65535 octets/);
    expect(problem(731, "\\#")).toMatch(/the count of octets/);
    expect(problem(731, "\\# 65536 00")).toMatch(/the count of octets/);
    expect(problem(TYPE.MX, '10 "mail.example"')).toMatch(/a name/);
    expect(problem(TYPE.URI, '10 1 "\\999"')).toMatch(/escapes/);
    expect(problem(TYPE.SOA, "a b 1 9999999999w 1 1 1")).toMatch(/seconds/);
    expect([parseSeconds("1w"), parseSeconds("3600"), parseSeconds("4000w")]).toEqual([
      604_800,
      3600,
      null,
    ]);
    const params: readonly (readonly [string, RegExp])[] = [
      ["alpn=\\999", /escapes/],
      ["alpn=", /1 to 255 octets/],
      [`alpn=${"a".repeat(256)}`, /1 to 255 octets/],
      ['alpn="a\\\\"', /no \\ at the end/],
      ["no-default-alpn=1 alpn=h2", /without a value/],
      ["port=x", /0 to 65535/],
      ["port=65536", /0 to 65535/],
      ["ipv6hint=192.0.2.1", /IPv6 addresses/],
      ["ech=%", /base64/],
      ["key65535=x", /a parameter's name/],
      ["mandatory=alpn,alpn alpn=h2", /each once/],
      [`key667=${"x".repeat(65_536)}`, /a shorter key667/],
    ];
    for (const [text, message] of params) {
      expect(problem(TYPE.HTTPS, `1 . ${text}`) ?? text).toMatch(message);
    }
  });

  test("writes octets beyond ASCII as UTF-8, two units of UTF-16 at once", () => {
    expect(parse(TYPE.TXT, '"é😀"')).toEqual(octets(6, 195, 169, 240, 159, 152, 128));
  });

  test("is null for octets that are no data of the type", () => {
    const name = [...encodeName("a")!];
    const long = Array.from({ length: 130 }, () => [1, 97]).flat();
    const none: readonly (readonly [number, Uint8Array])[] = [
      [TYPE.NS, octets(long, 0)],
      [TYPE.NS, octets(64, long)],
      [TYPE.NS, octets(1, 97)],
      [TYPE.SOA, octets(name, name, 0, 0, 0, 1)],
      [TYPE.SOA, octets(name, name, 0, 0, 0, 1, 128, 0, 0, 0)],
      [TYPE.MX, octets(1)],
      [TYPE.A, octets(1, 2, 3)],
      [TYPE.HINFO, octets()],
      [TYPE.HINFO, octets(2, 97)],
      [TYPE.TXT, octets(2, 97)],
      [TYPE.TXT, octets()],
      [TYPE.CAA, octets(0)],
      [TYPE.CAA, octets(0, 2, 45, 45)],
      [TYPE.TLSA, octets(3, 1, 0)],
      [TYPE.OPENPGPKEY, octets()],
    ];
    for (const [type, data] of none)
      expect([type, data, formatData(type, data)]).toEqual([type, data, null]);
  });

  test("writes service parameters, and is null for wrong ones", () => {
    const param = (key: number, value: readonly number[]) => [0, key, 0, value.length, ...value];
    const format = (...params: readonly (readonly number[])[]) =>
      formatData(TYPE.HTTPS, octets(0, 1, 0, params.flat()));
    const alpn = param(1, [2, 104, 50]);
    expect(format(alpn, param(2, []))).toBe('1 . alpn="h2" no-default-alpn');
    expect(format(param(8, []))).toBe("1 . ohttp");
    expect(format(param(5, [1, 2, 3]))).toBe("1 . ech=AQID");
    expect(format(param(99, []))).toBe("1 . key99");
    expect(format(param(99, [120]))).toBe('1 . key99="x"');
    expect(format(param(1, [2, 44, 92]))).toBe('1 . alpn="\\\\,\\\\\\\\"');
    expect(format(param(0, [0, 1]), alpn)).toBe('1 . mandatory=alpn alpn="h2"');
    const wrong = [
      [[0, 1, 0]],
      [[0, 1, 0, 9, 1]],
      [param(3, [1, 187]), alpn],
      [param(2, [])],
      [param(0, [0, 3]), alpn],
      [param(0, [])],
      [param(0, [1])],
      [param(0, [0, 3, 0, 1]), alpn, param(3, [0, 1])],
      [param(1, [])],
      [param(1, [0])],
      [param(1, [3, 97])],
      [alpn, param(2, [1])],
      [param(3, [1])],
      [param(4, [])],
      [param(4, [1, 2, 3])],
      [param(6, [1])],
      [param(5, [])],
      [param(8, [1])],
    ];
    for (const params of wrong) expect([params, format(...params)]).toEqual([params, null]);
  });
});
