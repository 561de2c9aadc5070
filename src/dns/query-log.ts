import type { Snapshot } from "../model/snapshot.ts";
import { decodeMessage, isWireFault, type Message, RCODE, TYPE } from "../wire/dns/mod.ts";
import { clearHostBits, familyOf, formatPrefix } from "../wire/ip/mod.ts";
import type { Sample } from "./hot/sampler.ts";
import { PROTO_NAMES } from "./hot/tally.ts";

/** One line of the query log. Everything after `rcode` says how to explain the answer again. */
export interface QueryLogEntry {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly node: string;
  readonly proto: (typeof PROTO_NAMES)[number];
  /** The client's prefix, at most as long as the answer depends on, or /24 and /56. */
  readonly client: string;
  /** Told by EDNS client subnet, or the address of the resolver itself. */
  readonly clientFrom: "subnet" | "resolver";
  readonly group: string;
  readonly name: string;
  readonly type: string;
  /** `DROPPED` where a limit left the query without an answer. */
  readonly rcode: string;
  readonly truncated: boolean;
  /** Addresses and names of the answer section. */
  readonly answer: readonly string[];
  readonly ttlSec: number | null;
  readonly snapshot: number;
  readonly health: number;
  readonly assignment: number;
}

/** Null for what is no query. `snapshot` is the one with the sample's number, if it is known. */
export function entryOf(
  sample: Sample,
  node: string,
  snapshot: Snapshot | null,
): QueryLogEntry | null {
  const query = decodeMessage(sample.query);
  const question = isWireFault(query) ? undefined : query.questions[0];
  if (question === undefined) return null;
  const answer = sample.answer.length === 0 ? null : decodeMessage(sample.answer);
  const read = answer === null || isWireFault(answer) ? null : answer;
  const address = sample.address.slice();
  clearHostBits(address, sample.bits);
  return {
    at: new Date(sample.atMs).toISOString(),
    node,
    proto: PROTO_NAMES[sample.proto] ?? "udp",
    client: formatPrefix({ family: familyOf(address), address, bits: sample.bits }),
    clientFrom: sample.subnet ? "subnet" : "resolver",
    group: snapshot?.groups[sample.group]?.name ?? "default",
    name: question.name,
    type: TYPE_NAME.get(question.type) ?? `TYPE${question.type}`,
    rcode: read === null ? "DROPPED" : (RCODE_NAME.get(read.rcode) ?? String(read.rcode)),
    truncated: read !== null && (read.flags & 0x0200) !== 0,
    answer: read === null ? [] : answersOf(read),
    ttlSec: read?.answers[0]?.ttlSec ?? null,
    snapshot: sample.snapshot,
    health: sample.health,
    assignment: sample.assignment,
  };
}

function answersOf(message: Message): string[] {
  return message.answers.flatMap(({ data }) => {
    if (data.kind === "address") return [data.address];
    return data.kind === "name" ? [data.name] : [];
  });
}

const TYPE_NAME = new Map<number, string>(Object.entries(TYPE).map(([name, n]) => [n, name]));
const RCODE_NAME = new Map<number, string>(Object.entries(RCODE).map(([name, n]) => [n, name]));
