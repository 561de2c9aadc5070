/**
 * The rows of the threat list that any name server meets, D1 to D6, as data: what is sent, and what must
 * come back over UDP, TCP and TLS.
 */
import { FLAG, OPCODE, OPTION, TYPE } from "../../src/wire/dns/mod.ts";
import { query } from "../stories/dns-stage.ts";
import {
  A_IN,
  asked,
  BARE,
  type Case,
  FORMERR,
  flagsOf,
  hex,
  labels,
  nameOctets,
  streams,
  zeros,
} from "./dns-case.ts";
import type { Shape } from "./dns-line.ts";
import { optRecord, rawMessage } from "./dns-packets.ts";

const HEADER = Uint8Array.of(0x12, 0x67, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
const REFLECTED: readonly Case[] = [
  ["a header with QR=1", rawMessage({ flags: FLAG.RESPONSE, counts: [0, 0, 0, 0] })],
  ["a question with QR=1", rawMessage({ flags: FLAG.RESPONSE }, asked("c.cdn.example"))],
  ["QR=1 and rubbish", rawMessage({ flags: FLAG.RESPONSE, counts: [9, 9, 9, 9] }, zeros(500))],
  ["an UPDATE with QR=1", rawMessage({ flags: FLAG.RESPONSE | flagsOf(OPCODE.UPDATE) })],
].map(([sends, bytes]) => ({
  row: "D1",
  sends: sends as string,
  bytes: bytes as Uint8Array,
  expected: "nothing" as const,
}));

const HEADERS: readonly Case[] = [
  ...[0, 1, 11].map((n) => ({
    row: "D2",
    sends: `${n} octets`,
    bytes: HEADER.slice(0, n),
    expected: streams("nothing", "closed"),
  })),
  { row: "D2", sends: "QDCOUNT 0", bytes: HEADER, expected: BARE },
  {
    row: "D2",
    sends: "QDCOUNT 2",
    bytes: rawMessage({ counts: [2, 0, 0, 0] }, asked("c.cdn.example"), asked("c.cdn.example")),
    expected: BARE,
  },
  {
    row: "D2",
    sends: "QDCOUNT 0 with a cookie",
    bytes: rawMessage({ counts: [0, 0, 0, 1] }, optRecord({}, [OPTION.COOKIE, zeros(8)])),
    expected: (answer) => {
      const [rcode, cookie] = [answer.rcode, answer.options[OPTION.COOKIE]];
      return rcode === "NOERROR" && cookie?.length === 48 ? null : "NOERROR with a cookie";
    },
  },
  ...[OPCODE.IQUERY, OPCODE.STATUS, 3, 6, 15].map((opcode) => ({
    row: "D2",
    sends: `opcode ${opcode}`,
    bytes: rawMessage({ flags: flagsOf(opcode) }, asked("c.cdn.example")),
    expected: { rcode: "NOTIMP", answers: [] },
  })),
  {
    row: "D2",
    sends: "octets after the last record",
    bytes: rawMessage({}, asked("c.cdn.example"), [0]),
    expected: FORMERR,
  },
  { row: "D2", sends: "a question that is not there", bytes: rawMessage({}), expected: BARE },
  ...[1, 2, 3].map((section) => ({
    row: "D2",
    sends: `65535 records in section ${section}, and none`,
    bytes: rawMessage(
      { counts: [1, 0, 0, 0].with(section, 65_535) as [number, number, number, number] },
      asked("c.cdn.example"),
    ),
    expected: FORMERR,
  })),
];

const chainOfPointers = Array.from({ length: 126 }, (_, i) => [0xc0, i === 0 ? 12 : 10 + i * 2]);

const POINTERS: readonly Case[] = [
  ...Object.entries({
    "to itself": [0xc0, 12],
    forward: [0xc0, 40],
    "into the header": [0xc0, 4],
    "of a loop of two": [0xc0, 14, 0xc0, 12],
    "after a label, back to it": [1, 0x61, 0xc0, 12],
    "of a chain of 126": chainOfPointers.flat(),
  }).map(([which, octets]) => ({
    row: "D3",
    sends: `a question's name: a pointer ${which}`,
    bytes: rawMessage({}, octets, A_IN),
    expected: BARE,
  })),
  {
    row: "D3",
    sends: "an OPT record whose owner is a pointer",
    bytes: rawMessage(
      { counts: [1, 0, 0, 1] },
      asked("c.cdn.example"),
      optRecord({ owner: [0xc0, 24] }),
    ),
    expected: FORMERR,
  },
  {
    row: "D3",
    sends: "a record beside the question whose owner points to itself",
    bytes: rawMessage({ counts: [1, 1, 0, 0] }, asked("c.cdn.example"), [
      0xc0,
      31,
      ...A_IN,
      0,
      0,
      0,
      0,
      0,
      4,
      1,
      2,
      3,
      4,
    ]),
    // Nothing reads that name.
    expected: ({ rcode }) => (rcode === "FORMERR" || rcode === "NOERROR" ? null : "FORMERR"),
  },
];

const NAMES: readonly Case[] = [
  ...[0x40, 0x80, 0xbf].map((first) => ({
    row: "D4",
    sends: `a label that begins with 0x${first.toString(16)}`,
    bytes: rawMessage({}, [first, ...Array(64).fill(0x61), 0], A_IN),
    expected: BARE,
  })),
  {
    row: "D4",
    sends: "a name of 256 octets",
    bytes: rawMessage({}, labels(3, 63).slice(0, -1), [62, ...Array(62).fill(0x61), 0], A_IN),
    expected: BARE,
  },
  {
    row: "D4",
    sends: "a name of 127 labels that is not ours",
    bytes: rawMessage({}, labels(127, 1), A_IN),
    expected: { rcode: "REFUSED", answers: [] },
  },
  {
    row: "D4",
    sends: "a name of 255 octets below a zone of ours",
    bytes: rawMessage({}, labels(119, 1).slice(0, -1), nameOctets("hosted.example"), A_IN),
    expected: { rcode: "NXDOMAIN", authorities: ["SOA"] },
  },
  {
    row: "D4",
    sends: "a NUL in a label",
    bytes: rawMessage({}, asked("mail\\000.hosted.example")),
    expected: { rcode: "NXDOMAIN", authorities: ["SOA"] },
  },
  {
    row: "D4",
    sends: "a dot in a label of ours, in other case",
    bytes: query("A\\.b.hosted.example"),
    expected: { rcode: "NOERROR", answers: ["A 192.0.2.40"] },
  },
  {
    row: "D4",
    sends: "a dot between labels where ours is in one",
    bytes: query("a.b.hosted.example"),
    expected: { rcode: "NXDOMAIN" },
  },
  {
    row: "D4",
    sends: "a dot in one label where ours is between two",
    bytes: query("www\\.hosted.example"),
    expected: { rcode: "REFUSED" },
  },
];

const BIG = "big.hosted.example";
const WHOLE: Partial<Shape> = { flags: "AA", answers: ["TXT"] };
const within = (max: number) => (answer: Shape) =>
  answer.flags === "AA TC" && answer.bytes <= max ? null : `TC in ${max} octets`;

const EDNS: readonly Case[] = [
  {
    row: "D5",
    sends: "two OPT records",
    bytes: rawMessage({ counts: [1, 0, 0, 2] }, asked("c.cdn.example"), optRecord(), optRecord()),
    expected: { ...FORMERR, edns: false },
  },
  {
    row: "D5",
    sends: "EDNS version 1",
    bytes: query("c.cdn.example", { version: 1 }),
    expected: { rcode: "BADVERS", answers: [], edns: true },
  },
  {
    row: "D5",
    sends: "an offer of 0 octets for an answer of 900",
    bytes: query("medium.hosted.example", { payloadBytes: 0 }, TYPE.TXT),
    expected: streams(within(512), WHOLE),
  },
  {
    row: "D5",
    sends: "no EDNS for an answer of 900",
    bytes: query("medium.hosted.example", null, TYPE.TXT),
    expected: streams(within(512), { ...WHOLE, edns: false }),
  },
  {
    row: "D5",
    sends: "an offer of 1232 octets for an answer of 900",
    bytes: query("medium.hosted.example", {}, TYPE.TXT),
    expected: WHOLE,
  },
  {
    row: "D5",
    sends: "an offer of 4096 octets for an answer of 2 KB",
    bytes: query(BIG, { payloadBytes: 4096 }, TYPE.TXT),
    expected: streams(within(1232), WHOLE),
  },
  {
    row: "D5",
    sends: "an option that nobody knows, twice",
    bytes: rawMessage(
      { counts: [1, 0, 0, 1] },
      asked("c.cdn.example"),
      optRecord({}, [65_001, [1, 2]], [65_001, []]),
    ),
    expected: { rcode: "NOERROR", answers: ["A 127.1.0.1"], options: {} },
  },
  {
    row: "D5",
    sends: "an option that is longer than its record",
    bytes: rawMessage({ counts: [1, 0, 0, 1] }, asked("c.cdn.example"), [
      ...optRecord({}, [65_001, [1, 2]]).slice(0, -3),
      9,
      1,
      2,
    ]),
    expected: { ...FORMERR, edns: false },
  },
];

const MIXED = query("wWw.ShOp.ExAmPlE");
const CASE: readonly Case[] = [
  {
    row: "D6",
    sends: "letters in mixed case",
    bytes: MIXED,
    expected: { question: hex(MIXED.slice(12, 12 + 18 + 4)), answers: ["A 192.0.2.1"] },
  },
  {
    row: "D6",
    sends: "the same name in lower case",
    bytes: query("www.shop.example"),
    expected: { answers: ["A 192.0.2.1"] },
  },
];

export const PROTOCOL_CASES: readonly Case[] = [
  ...[...REFLECTED, ...HEADERS, ...POINTERS, ...NAMES, ...EDNS, ...CASE],
];
