import { OF_NETWORK } from "../model/certificate.ts";
import type { Snapshot, SnapshotRecord } from "../model/snapshot.ts";
import type { Challenge, ChallengeStep } from "../model/zone-extras.ts";
import { CLASS, type Message, RCODE, type ResourceRecord, TYPE } from "../wire/dns/mod.ts";
import { closest } from "./overlay.ts";

/** So many steps of one update; certificate authorities' clients send one to three. */
const STEPS_MAX = 20;
const TTL_SEC = 5;
const CAA_TTL_SEC = 60;
const LABEL = "_acme-challenge.";

/**
 * What an update asks for (RFC 2136), or the code that refuses it. Only TXT at `_acme-challenge` names may
 * be set; an update that asks for anything else, or that has prerequisites, is refused whole.
 */
export function stepsOf(message: Message, snapshot: Snapshot): readonly ChallengeStep[] | number {
  const [zone] = message.questions;
  if (message.questions.length !== 1 || zone === undefined) return RCODE.FORMERR;
  if (zone.type !== TYPE.SOA) return RCODE.FORMERR;
  const apex = zone.name.toLowerCase();
  if (zone.class !== CLASS.IN || !isZone(snapshot, apex)) return RCODE.NOTAUTH;
  const records = message.authorities;
  if (message.answers.length > 0 || records.length > STEPS_MAX) return RCODE.REFUSED;
  const steps: ChallengeStep[] = [];
  for (const record of records) {
    const name = record.name.toLowerCase();
    if (name !== apex && !name.endsWith(`.${apex}`)) return RCODE.NOTZONE;
    if (closest(name, (one) => isZone(snapshot, one)) !== apex) return RCODE.NOTZONE;
    if (!name.startsWith(LABEL)) return RCODE.REFUSED;
    const step = stepOf(record, name);
    if (step === null) return RCODE.REFUSED;
    steps.push(step);
  }
  return steps;
}

/** RFC 2136 3.4.2: class IN adds, ANY removes a set or a name, NONE removes one record. */
function stepOf(record: ResourceRecord, name: string): ChallengeStep | null {
  const { type, data } = record;
  if (record.class === CLASS.ANY) {
    const empty = data.kind === "raw" && data.bytes.length === 0;
    const right = empty && (type === TYPE.TXT || type === TYPE.ANY);
    return right ? { action: "remove", name, value: null } : null;
  }
  if (type !== TYPE.TXT) return null;
  const value = textOf(record);
  if (value === null) return null;
  if (record.class === CLASS.IN) return { action: "add", name, value };
  return record.class === CLASS.NONE ? { action: "remove", name, value } : null;
}

/** One string of printable ASCII: what a certificate authority looks for (RFC 8555 8.4). */
function textOf({ data }: ResourceRecord): string | null {
  let octets: Uint8Array | null = null;
  if (data.kind === "texts" && data.texts.length === 1) octets = data.texts[0] ?? null;
  // Of class NONE, data is not read: a length and the string.
  if (data.kind === "raw" && data.bytes.length === (data.bytes[0] ?? 0) + 1) {
    octets = data.bytes.subarray(1);
  }
  if (octets === null || octets.length === 0) return null;
  const plain = octets.every((octet) => octet > 0x20 && octet < 0x7f);
  return plain ? new TextDecoder().decode(octets) : null;
}

/** OF_NETWORK in the network's own zone; null where nobody here answers for the name. */
function ownerOf(snapshot: Snapshot, name: string): string | null {
  const zone = closest(name, (one) => one === snapshot.zone || isZone(snapshot, one));
  if (zone === snapshot.zone) return OF_NETWORK;
  const hosted = snapshot.zones.find((each) => each.name === zone);
  const site = hosted ?? snapshot.sites.find((each) => each.hostname === zone);
  return site?.customer ?? null;
}

function isZone(snapshot: Snapshot, name: string): boolean {
  const hosted = snapshot.zones.some((zone) => zone.name === name);
  if (hosted) return true;
  return snapshot.sites.some((s) => s.hostname === name && s.onboarding === "delegation");
}

/** CAA at the network's own zone, which holds for all names within it that have none (RFC 8659 3). */
export function caaRecords(
  values: readonly string[],
  { zone: name }: Snapshot,
): readonly SnapshotRecord[] {
  return values.length === 0 ? [] : [{ name, type: "CAA", ttlSec: CAA_TTL_SEC, values }];
}

/** Challenges as records, without those that have ended or whose name is another customer's now. */
export function challengeRecords(
  challenges: readonly Challenge[],
  snapshot: Snapshot,
  nowMs: number,
): readonly SnapshotRecord[] {
  const values = new Map<string, string[]>();
  for (const { name, value, expiresMs, customer } of challenges) {
    if (expiresMs <= nowMs || ownerOf(snapshot, name) !== customer) continue;
    values.set(name, [...(values.get(name) ?? []), `"${value.replace(/["\\]/g, "\\$&")}"`]);
  }
  return [...values].map(([name, of]) => ({ name, type: "TXT", ttlSec: TTL_SEC, values: of }));
}
