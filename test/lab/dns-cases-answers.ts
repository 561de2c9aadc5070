/**
 * The rows of the threat list that are about what we answer, D7 to D20, as data: what is sent, and what
 * must come back over UDP, TCP and TLS.
 */
import { encodeMessage, FLAG, makeQuery, OPCODE, OPTION, TYPE } from "../../src/wire/dns/mod.ts";
import { query } from "../stories/dns-stage.ts";
import {
  A_IN,
  asked,
  type Case,
  FORMERR,
  flagsOf,
  hex,
  option,
  refusedOr,
  streams,
  zeros,
} from "./dns-case.ts";
import type { Shape } from "./dns-line.ts";
import { rawMessage } from "./dns-packets.ts";

const ANY = query("hosted.example", {}, TYPE.ANY);
const threeTimes = ({ answers, bytes }: Shape) =>
  answers.join() === "HINFO" && bytes <= 3 * ANY.length ? null : "HINFO, three times the octets";
const PADDED = { not: "padded, and a handshake has shown whose address it is" };
const AMPLIFIED: readonly Case[] = [
  {
    row: "D7",
    sends: "ANY",
    bytes: ANY,
    expected: {
      udp: threeTimes,
      tcp: threeTimes,
      tls: PADDED,
      https: PADDED,
    },
  },
];

const CLIENT = [1, 2, 3, 4, 5, 6, 7, 8];
const forged = query("c.cdn.example", option(OPTION.COOKIE, [...CLIENT, 1, ...zeros(15)]));
const newCookie = (answer: Shape) => {
  const cookie = answer.options[OPTION.COOKIE] ?? "";
  const own = cookie.startsWith(hex(CLIENT)) && cookie.length === 48;
  return own && answer.rcode === "NOERROR" ? null : "a cookie of the client's and the server's";
};
const COOKIES: readonly Case[] = [
  {
    row: "D8",
    sends: "a client's cookie",
    bytes: query("c.cdn.example", option(OPTION.COOKIE, CLIENT)),
    expected: newCookie,
  },
  { row: "D8", sends: "a forged cookie", bytes: forged, expected: newCookie },
  ...[0, 7, 9, 15, 41].map((n) => ({
    row: "D8",
    sends: `a cookie of ${n} octets`,
    bytes: query("c.cdn.example", option(OPTION.COOKIE, zeros(n))),
    expected: FORMERR,
  })),
  {
    row: "D8",
    stage: "required",
    sends: "a forged cookie where one is required",
    bytes: forged,
    expected: streams({ rcode: "BADCOOKIE", answers: [] }, newCookie),
  },
  {
    row: "D8",
    stage: "required",
    sends: "no cookie where one is required of those who know cookies",
    bytes: query("c.cdn.example"),
    expected: { rcode: "NOERROR", answers: ["A 127.1.0.1"] },
  },
];

const SOA_RECORD = [0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0, ...zeros(20)];
const ZONE_AT = [0xc0, 12];
const TRANSFERS: readonly Case[] = [
  ...["hosted.example", "cdn.example", "www.shop.example", "elsewhere.test"].map((zone) => ({
    row: "D9",
    sends: `AXFR of ${zone}`,
    bytes: query(zone, null, TYPE.AXFR),
    expected: { rcode: "REFUSED", answers: [], authorities: [] },
  })),
  {
    row: "D9",
    sends: "IXFR with a serial",
    bytes: rawMessage(
      { counts: [1, 0, 1, 0] },
      asked("hosted.example", TYPE.IXFR),
      ZONE_AT,
      SOA_RECORD,
    ),
    expected: { rcode: "REFUSED", answers: [], authorities: [] },
  },
  {
    row: "D9",
    sends: "NOTIFY",
    bytes: rawMessage(
      { flags: flagsOf(OPCODE.NOTIFY) | FLAG.AUTHORITATIVE, counts: [1, 1, 0, 0] },
      asked("hosted.example", TYPE.SOA),
      ZONE_AT,
      SOA_RECORD,
    ),
    expected: refusedOr("NOTIMP"),
  },
  {
    row: "D9",
    sends: "UPDATE that adds an address",
    bytes: rawMessage(
      { flags: flagsOf(OPCODE.UPDATE), counts: [1, 0, 1, 0] },
      asked("hosted.example", TYPE.SOA),
      [3, 0x6e, 0x65, 0x77, ...ZONE_AT, ...A_IN, 0, 0, 0, 60, 0, 4, 192, 0, 2, 99],
    ),
    expected: refusedOr("NOTIMP"),
  },
];

const DNSSEC: Partial<NonNullable<ReturnType<typeof makeQuery>["edns"]>> = { dnssecOk: true };
/** NSEC of the name asked up to the very next one, with the types RRSIG, NSEC and NXNAME. */
const NO_NAME_BITMAP = `0011${"00".repeat(5)}03${"00".repeat(10)}80`;
const DENIAL = ({ rcode, authorities }: Shape) => {
  const types = authorities.map((one) => one.split(" ")[0]).join(" ");
  const compact = authorities[2]?.endsWith(NO_NAME_BITMAP) ?? false;
  const right = rcode === "NOERROR" && types === "SOA RRSIG NSEC RRSIG" && compact;
  return right ? null : "SOA and one NSEC with NXNAME, signed";
};
const SIGNED: readonly Case[] = [
  {
    row: "D12",
    stage: "signed",
    sends: "a name that is not there, with DO",
    bytes: query("none.hosted.example", DNSSEC),
    expected: DENIAL,
  },
  {
    row: "D12",
    stage: "signed",
    sends: "a name that is not there, without DO",
    bytes: query("none.hosted.example"),
    expected: { rcode: "NXDOMAIN", authorities: ["SOA"] },
  },
  {
    row: "D12",
    stage: "signed",
    sends: "a name in a zone that is not signed, with DO",
    bytes: query("www.shop.example", DNSSEC),
    expected: { rcode: "NOERROR", answers: ["A 192.0.2.1"] },
  },
  {
    row: "D12",
    stage: "signed",
    sends: "a steered name, with DO",
    bytes: query("www.hosted.example", DNSSEC),
    expected: { rcode: "NOERROR", answers: ["A 192.0.2.21", "RRSIG"] },
  },
];

const bounded = (most: number) => (answer: Shape) => {
  const chain = answer.answers.every((one) => one.startsWith("CNAME "));
  const right = answer.rcode === "NOERROR" && chain && answer.answers.length <= most;
  return right ? null : `NOERROR and at most ${most} CNAMEs`;
};
const CHAINS: readonly Case[] = ["loop1", "loop2", "chain0", "a.self", "x.self"].map((owner) => ({
  row: "D13",
  sends: `${owner}.hosted.example`,
  bytes: query(`${owner}.hosted.example`),
  expected: bounded(8),
}));

const subnet = (...data: number[]) => option(OPTION.CLIENT_SUBNET, data);
const SUBNETS: readonly Case[] = [
  ...Object.entries({
    "/33 of IPv4": [0, 1, 33, 0, 1, 2, 3, 4, 5],
    "/129 of IPv6": [0, 2, 129, 0, ...zeros(17)],
    "family 3": [0, 3, 24, 0, 1, 2, 3],
    "bits beyond its length": [0, 1, 23, 0, 1, 2, 3],
    "octets beyond its length": [0, 1, 24, 0, 1, 2, 3, 0],
    "a scope": [0, 1, 24, 24, 1, 2, 3],
    "three octets in all": [0, 1, 0],
  }).map(([which, data]) => ({
    row: "D15",
    sends: `a client subnet of ${which}`,
    bytes: query("www.shop.example", subnet(...data)),
    expected: FORMERR,
  })),
  ...[8, 24, 32].map((source) => ({
    row: "D15",
    sends: `198.51.100.0/${source}`,
    bytes: query(
      "www.shop.example",
      subnet(0, 1, source, 0, ...[198, 51, 100, 7].slice(0, source >> 3)),
    ),
    // Its group is a /24: a shorter source learns no more than its own length.
    expected: ({ rcode, scope }: Shape) =>
      rcode === "NOERROR" && scope === Math.min(24, source) ? null : "a scope of the group's",
  })),
  {
    row: "D15",
    sends: "no client subnet",
    bytes: query("www.shop.example"),
    expected: { rcode: "NOERROR", scope: null },
  },
  {
    row: "D15",
    sends: "a private address as client subnet, which belongs to no group",
    bytes: query("c.cdn.example", subnet(0, 1, 24, 0, 10, 1, 2)),
    expected: ({ answers, rcode }) =>
      rcode === "NOERROR" && answers.length === 1 ? null : "one address of the default group",
  },
];

const DOWN: readonly Case[] = [
  ["www.shop.example", TYPE.A, ["A 192.0.2.1", "A 192.0.2.2"]],
  ["www.shop.example", TYPE.AAAA, ["AAAA 2001:db8::2"]],
  ["www.hosted.example", TYPE.A, ["A 192.0.2.21"]],
  ["c.cdn.example", TYPE.A, ["A 127.1.0.1", "A 127.2.0.1"]],
].map(([owner, type, answers]) => ({
  row: "D16",
  stage: "down" as const,
  sends: `${owner} ${type === TYPE.A ? "A" : "AAAA"} when all are down`,
  bytes: query(owner as string, {}, type as number),
  expected: { rcode: "NOERROR", answers: answers as string[] },
}));

const CHAOS: readonly Case[] = [
  "version.bind",
  "hostname.bind",
  "id.server",
  "version.server",
  "authors.bind",
].map((owner) => ({
  row: "D20",
  sends: `${owner} CH TXT`,
  bytes: encodeMessage({
    ...makeQuery(4711, owner, TYPE.TXT),
    questions: [{ name: owner, type: TYPE.TXT, class: 3 }],
  })!,
  expected: { rcode: "REFUSED", answers: [], authorities: [] },
}));

export const ANSWER_CASES: readonly Case[] = [
  ...[...AMPLIFIED, ...COOKIES, ...TRANSFERS, ...SIGNED, ...CHAINS, ...SUBNETS, ...DOWN, ...CHAOS],
];
