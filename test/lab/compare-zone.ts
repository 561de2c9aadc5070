/** The zone that is compared, questions about it, and what an answer says in words. */
import type { Rng } from "../../src/base/rng.ts";
import {
  decodeMessage,
  encodeMessage,
  encodeName,
  FLAG,
  formatData,
  isWireFault,
  type Message,
  makeQuery,
  type ResourceRecord,
  TYPE,
  typeName,
} from "../../src/wire/dns/mod.ts";

export const COMPARED = "compared.example";
const LONG = `${"l".repeat(63)}.${"m".repeat(63)}.${"n".repeat(63)}`;

export const COMPARED_TEXT = `$ORIGIN ${COMPARED}.
$TTL 1h
@ TXT "v=spf1 -all"
@ TXT "one" "two"
@ MX 10 mail
@ MX 20 mx.elsewhere.test.
@ CAA 0 issue "ca.example"
@ A 192.0.2.1
mail A 192.0.2.2
mail AAAA 2001:db8::2
www 60 A 192.0.2.3
www 60 A 192.0.2.4
www AAAA 2001:db8::3
www HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.3
alias CNAME www
alias2 CNAME alias
outside CNAME www.elsewhere.test.
dangling CNAME nowhere
loop1 CNAME loop2
loop2 CNAME loop1
_sip._tcp SRV 0 5 5060 sip
_sip._tcp SRV 0 5 5060 mail
sip A 192.0.2.5
_443._tcp.www TLSA 3 1 1 ${"ab".repeat(32)}
old HTTPS 0 www
_dns SVCB 1 mail alpn=dot port=853
ptr PTR www
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:a@b!" .
ssh SSHFP 4 2 ${"cd".repeat(32)}
odd TYPE65280 \\# 3 010203
empty TYPE65281 \\# 0
deep.ent.a.b A 192.0.2.6
*.wild A 192.0.2.7
*.wild MX 10 mail
*.wild TXT "wild"
a.b.wild A 192.0.2.8
*.star.star A 192.0.2.9
*.tocname CNAME www
*.toout CNAME x.elsewhere.test.
*.towild CNAME y.wild
*.self CNAME x.self
sub NS ns.sub
sub NS ns.beside
sub DS 20326 8 2 ${"ef".repeat(32)}
ns.sub A 192.0.2.10
ns.sub AAAA 2001:db8::10
host.sub A 192.0.2.11
beside NS ns.beside
ns.beside A 192.0.2.12
away NS ns.elsewhere.test.
tosub CNAME host.sub
mxsub MX 10 host.sub
a\\.b A 192.0.2.13
x\\032y\\000z TXT "octets"
${LONG} A 192.0.2.14
*.${LONG.slice(64)} TXT "long"
big TXT ${Array(6)
  .fill(`"${"t".repeat(200)}"`)
  .join(" ")}
$GENERATE 1-40 many A 192.0.2.$
$GENERATE 1-14 manyns NS host$.manyns
$GENERATE 1-14 host$.manyns A 198.51.100.$
$GENERATE 1-12 manymx MX $ host$.mx
$GENERATE 1-12 host$.mx A 203.0.113.$
`;

const TYPES = [
  ...["A", "AAAA", "NS", "SOA", "MX", "TXT", "CNAME", "CAA", "SRV", "HTTPS", "SVCB", "PTR"],
  ...["TLSA", "DS", "NAPTR", "SSHFP", "HINFO"],
].map((name) => TYPE[name as "A"]);

export interface Question {
  readonly bytes: Uint8Array;
  readonly words: string;
  readonly edns: boolean;
}

/** One question: of the zone's names, near them, below them, or beside them. */
export function makeQuestion(rng: Rng, names: readonly string[]): Question {
  const draw = (n: number) => Math.floor(rng.float() * n);
  const of = <T>(list: readonly T[]): T => list[draw(list.length)]!;
  const labels = ["x", "*", "www", "a", "ns", "_tcp", "l".repeat(63), "zz-9", "b\\.c", "\\000"];
  let name = of(names);
  const turn = draw(10);
  if (turn >= 4 && turn < 7) name = `${of(labels)}.${name}`;
  else if (turn === 7) name = `${of(labels)}.${of(labels)}.${name}`;
  else if (turn === 8) name = name.includes(".") ? name.slice(name.indexOf(".") + 1) : name;
  if (draw(3) === 0) {
    name = [...name].map((c) => (draw(2) === 0 && !/\d/.test(c) ? c.toUpperCase() : c)).join("");
  }
  if (encodeName(name) === null) return makeQuestion(rng, names);
  const type = draw(12) === 0 ? of([65_280, 65_281, 65_282, 99, 250]) : of(TYPES);
  const edns = draw(2) === 0;
  const flags = (draw(2) * FLAG.RECURSION_DESIRED) | (draw(4) === 0 ? FLAG.CHECKING_DISABLED : 0);
  const query = makeQuery(0, name, type);
  const bytes = encodeMessage({ ...query, flags, ...(edns ? {} : { edns: null }) });
  if (bytes === null || bytes.length > 290) return makeQuestion(rng, names);
  return { bytes, words: `${name} ${typeName(type)}${edns ? " +edns" : ""}`, edns };
}

export interface Answer {
  readonly code: string;
  readonly flags: string;
  readonly question: string;
  readonly answers: readonly string[];
  readonly authorities: readonly string[];
  readonly additionals: readonly string[];
}

/** What an answer says, records in order of their words: servers may turn them. */
export function readAnswer(bytes: Uint8Array | null): Answer | string {
  if (bytes === null) return "no answer";
  const message = decodeMessage(bytes) as Message;
  if (isWireFault(message)) return `no message: ${message.fault}`;
  const flag = (name: keyof typeof FLAG) => ((message.flags & FLAG[name]) === 0 ? "" : name[0]);
  return {
    code: String(message.rcode),
    flags: `${flag("AUTHORITATIVE")}${flag("TRUNCATED")}`,
    question: message.questions.map((q) => `${q.name} ${q.type} ${q.class}`).join(),
    answers: message.answers.map(wordsOf).sort(),
    authorities: message.authorities.map(wordsOf).sort(),
    additionals: message.additionals.map(wordsOf).sort(),
  };
}

function wordsOf({ name, type, ttlSec, data }: ResourceRecord): string {
  const value = () => {
    if (data.kind === "address") return data.address;
    if (data.kind === "name") return data.name.toLowerCase();
    if (data.kind === "raw") return formatData(type, data.bytes)?.toLowerCase();
    if (data.kind === "texts") return data.texts.map((t) => Buffer.from(t).toString("hex")).join();
    return JSON.stringify(data).toLowerCase();
  };
  return `${name.toLowerCase()} ${ttlSec} ${typeName(type)} ${value()}`;
}
