import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type ClientSubnet,
  decodeMessage,
  encodeMessage,
  isWireFault,
  makeQuery,
  Query,
  readQuery,
  TYPE,
  VERDICT,
} from "./mod.ts";

const read = (bytes: Uint8Array) => {
  const query = new Query();
  return { verdict: readQuery(bytes, bytes.length, query), query };
};
const plain = () => encodeMessage({ ...makeQuery(9, "www.shop.example", TYPE.A), edns: null })!;
const OPT = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
const withOpt = (...opts: number[][]) => {
  const bytes = Uint8Array.from([...plain(), ...opts.flat()]);
  bytes[11] = opts.length;
  return bytes;
};
/** An OPT record with one option. */
const option = (code: number, ...data: number[]) => [
  ...OPT.slice(0, 10),
  data.length + 4,
  code >> 8,
  code & 255,
  0,
  data.length,
  ...data,
];

describe("readQuery()", () => {
  test("drops responses and what is shorter than a header (D1, D2)", () => {
    const response = plain();
    response[2]! |= 0x80;
    expect(read(response).verdict).toBe(VERDICT.DROP);
    for (let n = 0; n < 12; n++) {
      expect(read(plain().slice(0, n)).verdict).toBe(VERDICT.DROP);
    }
  });

  test("takes exactly one question and nothing after the last record (D2)", () => {
    for (const count of [0, 2, 65_535]) {
      const bytes = plain();
      bytes[4] = count >> 8;
      bytes[5] = count;
      expect(read(bytes).verdict).toBe(VERDICT.FORMERR);
    }
    expect(read(Uint8Array.from([...plain(), 1])).verdict).toBe(VERDICT.FORMERR);
    expect(read(plain().slice(0, -1)).verdict).toBe(VERDICT.FORMERR);
  });

  test("knows no opcode but QUERY, no class but IN, and no transfer (D2, D9, D20)", () => {
    const opcode = (code: number) => {
      const bytes = plain();
      bytes[2] = code << 3;
      return read(bytes).verdict;
    };
    expect([1, 2, 3, 6, 15].map(opcode)).toEqual(new Array(5).fill(VERDICT.NOTIMP));
    expect([4, 5].map(opcode)).toEqual([VERDICT.REFUSED, VERDICT.REFUSED]);
    const typed = (type: number, klass = 1) => {
      const question = { name: "version.bind", type, class: klass };
      return read(encodeMessage({ ...makeQuery(1, "", 1), questions: [question] })!).verdict;
    };
    expect([3, 4, 254, 255].map((klass) => typed(16, klass))).toEqual(
      new Array(4).fill(VERDICT.REFUSED),
    );
    expect([TYPE.AXFR, TYPE.IXFR].map((type) => typed(type))).toEqual([5, 5]);
    expect([TYPE.TSIG, TYPE.MAILA].map((type) => typed(type))).toEqual([4, 4]);
    expect([0, TYPE.OPT].map((type) => typed(type))).toEqual([1, 1]);
    expect([1, 28, 65, 255, 65_280].map((type) => typed(type))).toEqual(new Array(5).fill(-2));
  });

  test("refuses pointers, long labels and long names in the question (D3, D4)", () => {
    const header = plain().slice(0, 12);
    const ask = (...name: number[]) => read(Uint8Array.from([...header, ...name, 0, 1, 0, 1]));
    expect(ask(0xc0, 12).verdict).toBe(VERDICT.FORMERR);
    expect(ask(0xc0, 0).verdict).toBe(VERDICT.FORMERR);
    expect(ask(1, 97, 0xc0, 12).verdict).toBe(VERDICT.FORMERR);
    expect(ask(64, ...new Array(64).fill(97), 0).verdict).toBe(VERDICT.FORMERR);
    expect(ask(0x41, 97, 0).verdict).toBe(VERDICT.FORMERR);
    expect(ask(...new Array(128).fill([1, 97]).flat(), 0).verdict).toBe(VERDICT.FORMERR);
    const most = ask(...new Array(127).fill([1, 97]).flat(), 0);
    expect([most.verdict, most.query.labels]).toEqual([VERDICT.ANSWER, 127]);
    expect(ask(3, 0, 0x2e, 255, 0).verdict).toBe(VERDICT.ANSWER);
    expect(ask(0).verdict).toBe(VERDICT.ANSWER);
  });

  test("takes one OPT record, at the root, in the additional section (D5)", () => {
    expect(read(withOpt(OPT)).verdict).toBe(VERDICT.ANSWER);
    expect(read(withOpt(OPT, OPT)).verdict).toBe(VERDICT.FORMERR);
    expect(read(withOpt([1, 97, ...OPT])).verdict).toBe(VERDICT.FORMERR);
    const early = withOpt(OPT);
    early[11] = 0;
    early[7] = 1;
    expect(read(early).verdict).toBe(VERDICT.FORMERR);
    const later = [...OPT];
    later[6] = 1;
    expect(read(withOpt(later)).verdict).toBe(VERDICT.BADVERS);
    expect(read(withOpt(option(65_001, 1, 2, 3))).verdict).toBe(VERDICT.ANSWER);
    const cut = option(65_001, 1, 2, 3);
    cut[14] = 9;
    expect(read(withOpt(cut)).verdict).toBe(VERDICT.FORMERR);
  });

  test("keeps payload sizes between 512 and 1232 (D5)", () => {
    const size = (bytes: number) => {
      const opt = [...OPT];
      opt[3] = bytes >> 8;
      opt[4] = bytes & 255;
      return read(withOpt(opt)).query.payloadBytes;
    };
    expect([0, 511, 512, 900, 1232, 4096, 65_535].map(size)).toEqual([
      512, 512, 512, 900, 1232, 1232, 1232,
    ]);
    expect(read(plain()).query.payloadBytes).toBe(512);
  });

  test("refuses client subnets that RFC 7871 does not allow (D15)", () => {
    const subnet = (...data: number[]) => read(withOpt(option(8, ...data)));
    expect(subnet(0, 1, 24, 0, 198, 51, 100).verdict).toBe(VERDICT.ANSWER);
    expect(subnet(0, 2, 48, 0, 32, 1, 13, 184, 0, 1).query.subnetFamily).toBe(6);
    expect(subnet(0, 0, 0, 0).verdict).toBe(VERDICT.ANSWER);
    const refused = [
      [0, 1, 33, 0, 198, 51, 100, 0, 0],
      [0, 3, 24, 0, 198, 51, 100],
      [0, 0, 24, 0, 198, 51, 100],
      [0, 1, 20, 0, 198, 51, 0x1f],
      [0, 1, 24, 8, 198, 51, 100],
      [0, 1, 24, 0, 198, 51],
      [0, 1, 24, 0, 198, 51, 100, 0],
      [0, 2, 129, 0, ...new Array(17).fill(0)],
      [0, 1, 24],
    ];
    for (const data of refused) {
      expect([data, subnet(...data).verdict]).toEqual([data, VERDICT.FORMERR]);
    }
    const twice = option(8, 0, 1, 0, 0);
    const second = twice.slice(11);
    const both = [...twice.slice(0, 10), second.length * 2, ...second, ...second];
    expect(read(withOpt(both)).verdict).toBe(VERDICT.FORMERR);
  });

  test("never throws, and accepts nothing that the whole decoder refuses", () => {
    const clientSubnet: ClientSubnet = {
      family: 4,
      address: Uint8Array.of(198, 51, 100, 0),
      sourceBits: 24,
      scopeBits: 0,
    };
    const seed = makeQuery(1, "www.shop.example", TYPE.A);
    const whole = encodeMessage({ ...seed, edns: { ...seed.edns!, clientSubnet } })!;
    const change = fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { maxLength: 4 }), fc.nat(8), (changes, cut) => {
        const bytes = whole.slice(0, whole.length - (cut > 4 ? 0 : cut));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        if (read(bytes).verdict !== VERDICT.ANSWER) return;
        const message = decodeMessage(bytes);
        // Records that are skipped may be anything; the question and the OPT record may not.
        if (isWireFault(message)) expect(["data", "pointer", "label"]).toContain(message.fault);
      }),
      { numRuns: 4000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        read(bytes);
      }),
      { numRuns: 4000 },
    );
  });
});
