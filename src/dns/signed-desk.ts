import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Snapshot, SnapshotZone } from "../model/snapshot.ts";
import type { ChallengeStep, ExtrasFeed, TsigSecret } from "../model/zone-extras.ts";
import {
  decodeMessage,
  encodeMessage,
  encodeName,
  FLAG,
  HEADER_BYTES,
  isSigned,
  isWireFault,
  MESSAGE_BYTES_MAX,
  type Message,
  makeQuery,
  OPCODE,
  RCODE,
  refuseTsig,
  signMessage,
  type Tsig,
  type TsigKey,
  TYPE,
  timeOctets,
  tsigBytes,
  UDP_BYTES_EDNS,
  UDP_BYTES_PLAIN,
  verifyTsig,
} from "../wire/dns/mod.ts";
import { type Family, parseAddress } from "../wire/ip/mod.ts";
import { hmac } from "./hmac.ts";
import type { Packet, Responder } from "./hot/answer.ts";
import { type RawRecord, transferMessages, zoneRecords } from "./transfer.ts";
import { stepsOf } from "./update.ts";

/** Transfers at once; each holds a few messages of a zone. */
const TRANSFERS_MAX = 8;

/** A signed message, and where it came from. */
export interface Asked {
  readonly bytes: Uint8Array;
  /** 4 or 16 octets. */
  readonly address: Uint8Array;
  readonly family: Family;
  readonly stream: boolean;
  readonly secure: boolean;
}

/** Sets challenges of a customer; a response code. */
export type Updater = (customer: string, steps: readonly ChallengeStep[]) => Promise<number>;

interface DeskOptions {
  readonly responder: Responder;
  readonly snapshot: () => Snapshot | null;
  readonly extras: ExtrasFeed | null;
  readonly update: Updater | null;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Messages with a TSIG record (RFC 8945), which the hot path hands over: transfers to secondaries, updates
 * of challenges, and queries, which get the same answers as all others, signed. Off while there is no
 * key: then such messages are as all others, and transfers and updates are refused.
 */
export class SignedDesk {
  readonly #o: DeskOptions;
  readonly #buffer = new Uint8Array(MESSAGE_BYTES_MAX);
  #transfers = 0;

  constructor(o: DeskOptions) {
    this.#o = o;
  }

  /** Whether there is a key at all. */
  get open(): boolean {
    return (this.#o.extras?.extras().tsig.length ?? 0) > 0;
  }

  /** Whether the message is to be answered here. Cheap where there is no key. */
  wants(bytes: Uint8Array, length: number): boolean {
    return this.open && (bytes[2]! & 0x80) === 0 && isSigned(bytes, length);
  }

  /** The messages to send back, each made when the one before is on its way. */
  async answer(asked: Asked): Promise<Iterable<Uint8Array>> {
    const nowSec = Math.floor(this.#o.clock.wallMs() / 1000);
    const secrets = this.#o.extras?.extras().tsig ?? [];
    const keyOf = (name: string) => keyFrom(secrets, name);
    const checked = verifyTsig(asked.bytes, { keyOf, hmac, nowSec });
    if (checked.verdict === "malformed" || checked.verdict === "unsigned") {
      return [reply(asked.bytes.subarray(0, HEADER_BYTES), RCODE.FORMERR)];
    }
    const { tsig } = checked;
    const bare = withoutTsig(asked.bytes, tsig);
    if (checked.verdict === "refused") {
      const { error, key } = checked;
      const message = reply(bare, RCODE.NOTAUTH);
      if (key === null) return [refuseTsig(message, tsig, error)];
      const timeSec = tsig.timeSec;
      const other = timeOctets(nowSec);
      return [signMessage(message, { key, hmac, timeSec, priorMac: tsig.mac, error, other }).bytes];
    }
    return this.#answer({ ...asked, bytes: bare }, { key: checked.key, tsig });
  }

  /** The answer where there is one at most: over UDP. */
  async answerOne(asked: Asked): Promise<Uint8Array | null> {
    for (const message of await this.answer(asked)) return message;
    return null;
  }

  async #answer(
    asked: Asked,
    by: { readonly key: TsigKey; readonly tsig: Tsig },
  ): Promise<Iterable<Uint8Array>> {
    const message = decodeMessage(asked.bytes);
    const sign = (bytes: Uint8Array) => [this.#sign(bytes, by.key, by.tsig.mac)];
    if (isWireFault(message))
      return sign(reply(asked.bytes.subarray(0, HEADER_BYTES), RCODE.FORMERR));
    if (message.opcode === OPCODE.UPDATE) {
      return sign(reply(asked.bytes, await this.#update(message, by.key)));
    }
    const type = message.questions[0]?.type;
    const transfer = type === TYPE.AXFR || type === TYPE.IXFR;
    if (message.opcode !== OPCODE.QUERY || !transfer || !asked.stream) {
      const plain = this.#plain(asked, message, by.key);
      return plain === null ? [] : sign(plain);
    }
    const zone = this.#mayFetch(asked, message, by.key);
    if (zone === null) return sign(reply(asked.bytes, RCODE.REFUSED));
    if (this.#transfers >= TRANSFERS_MAX) return sign(reply(asked.bytes, RCODE.SERVFAIL));
    return this.#transfer(asked, zone, by);
  }

  #sign(bytes: Uint8Array, key: TsigKey, priorMac: Uint8Array): Uint8Array {
    const timeSec = Math.floor(this.#o.clock.wallMs() / 1000);
    return signMessage(bytes, { key, hmac, timeSec, priorMac }).bytes;
  }

  /** As the hot path answers it; cut where the signature does not fit any more. */
  #plain(asked: Asked, message: Message, key: TsigKey): Uint8Array | null {
    const packet: Packet = {
      bytes: asked.bytes,
      length: asked.bytes.length,
      address: asked.address,
      addressAt: 0,
      family: asked.family,
      stream: asked.stream,
      secure: asked.secure,
    };
    this.#o.responder.tick(this.#o.clock.wallMs());
    const size = this.#o.responder.answer(packet, this.#buffer);
    // Limited, as a plain one would be: a signature does not show where a packet comes from.
    if (size === 0) return null;
    const told = message.edns?.payloadBytes ?? UDP_BYTES_PLAIN;
    const most = asked.stream
      ? MESSAGE_BYTES_MAX
      : Math.min(UDP_BYTES_EDNS, Math.max(UDP_BYTES_PLAIN, told));
    if (size + tsigBytes(key) <= most) return this.#buffer.slice(0, size);
    return reply(asked.bytes, RCODE.NOERROR, FLAG.TRUNCATED | FLAG.AUTHORITATIVE);
  }

  async #update(message: Message, key: TsigKey): Promise<number> {
    const snapshot = this.#o.snapshot();
    const secret = this.#secretOf(key);
    if (snapshot === null) return RCODE.SERVFAIL;
    if (secret?.use !== "acme" || this.#o.update === null) return RCODE.REFUSED;
    const steps = stepsOf(message, snapshot);
    if (typeof steps === "number") return steps;
    if (steps.length === 0) return RCODE.NOERROR;
    try {
      return await this.#o.update(secret.customer, steps);
    } catch (error) {
      this.#o.log.warn("Cannot carry out an update", { key: key.name, error });
      return RCODE.SERVFAIL;
    }
  }

  #secretOf(key: TsigKey): TsigSecret | null {
    const secrets = this.#o.extras?.extras().tsig ?? [];
    return secrets.find((secret) => secret.name === key.name) ?? null;
  }

  /** The zone, if this key may fetch it from this address. */
  #mayFetch(asked: Asked, message: Message, key: TsigKey): SnapshotZone | null {
    const name = message.questions[0]?.name.toLowerCase();
    const zone = this.#o.snapshot()?.zones.find((each) => each.name === name);
    const secret = this.#secretOf(key);
    if (zone?.transfer?.key !== key.name || secret?.use !== "transfer") return null;
    // The name of a key has its customer in it; this is the same said by the key itself.
    if (secret.customer !== zone.customer) return null;
    const known = zone.transfer.to.some((to) => {
      const host = to.slice(0, to.lastIndexOf(":")).replace(/^\[|\]$/g, "");
      const address = parseAddress(host);
      return address !== null && sameOctets(address, asked.address);
    });
    return known ? zone : null;
  }

  *#transfer(
    asked: Asked,
    zone: SnapshotZone,
    by: { readonly key: TsigKey; readonly tsig: Tsig },
  ): Generator<Uint8Array> {
    const snapshot = this.#o.snapshot();
    if (snapshot === null) return;
    const { key, tsig } = by;
    let priorMac = tsig.mac;
    const sign = (message: Uint8Array, first: boolean) => {
      const timeSec = Math.floor(this.#o.clock.wallMs() / 1000);
      const signed = signMessage(message, { key, hmac, timeSec, priorMac, further: !first });
      priorMac = signed.mac;
      return signed;
    };
    this.#transfers += 1;
    try {
      const apex = this.#apexOf(zone);
      const id = (asked.bytes[0]! << 8) | asked.bytes[1]!;
      const question = asked.bytes.slice(HEADER_BYTES, questionEnd(asked.bytes));
      const records = zoneRecords(snapshot, zone, apex);
      yield* transferMessages(records, { id, question, key, sign });
      this.#o.log.info("A secondary has fetched a zone", { zone: zone.name, key: key.name });
    } finally {
      this.#transfers -= 1;
    }
  }

  /** SOA and NS, as they are answered. */
  #apexOf(zone: SnapshotZone): { readonly soa: RawRecord; readonly ns: readonly RawRecord[] } {
    const [soa] = this.#ask(zone.name, TYPE.SOA);
    if (soa === undefined) throw new Error(`No SOA of ${zone.name}`);
    return { soa, ns: this.#ask(zone.name, TYPE.NS) };
  }

  #ask(name: string, type: number): RawRecord[] {
    const bytes = encodeMessage({ ...makeQuery(1, name, type), edns: null });
    if (bytes === null) return [];
    const address = new Uint8Array(4);
    const packet = { bytes, length: bytes.length, address, addressAt: 0, family: 4, stream: true };
    const size = this.#o.responder.answer({ ...packet, family: 4 }, this.#buffer);
    const message = decodeMessage(this.#buffer.slice(0, size));
    if (isWireFault(message)) return [];
    return message.answers.flatMap((record) => {
      const owner = encodeName(record.name);
      const { data, ttlSec } = record;
      if (owner === null || record.type !== type) return [];
      if (data.kind === "name") return [{ owner, type, ttlSec, data: encodeName(data.name)! }];
      if (data.kind !== "soa") return [];
      return [{ owner, type, ttlSec, data: soaOctets(data.soa) }];
    });
  }
}

function soaOctets(soa: Extract<Message["answers"][number]["data"], { kind: "soa" }>["soa"]) {
  const [mname, rname] = [encodeName(soa.mname)!, encodeName(soa.rname)!];
  const out = new Uint8Array(mname.length + rname.length + 20);
  out.set(mname);
  out.set(rname, mname.length);
  const view = new DataView(out.buffer, mname.length + rname.length);
  const times = [soa.serial, soa.refreshSec, soa.retrySec, soa.expireSec, soa.minimumSec];
  for (const [i, value] of times.entries()) view.setUint32(i * 4, value);
  return out;
}

function keyFrom(secrets: readonly TsigSecret[], name: string): TsigKey | null {
  const found = secrets.find((secret) => secret.name === name);
  if (found === undefined) return null;
  const secret = Uint8Array.from(Buffer.from(found.secret, "base64"));
  return { name: found.name, algorithm: found.algorithm, secret };
}

function withoutTsig(bytes: Uint8Array, tsig: Tsig): Uint8Array {
  const bare = Uint8Array.from(bytes.subarray(0, tsig.at));
  const head = new DataView(bare.buffer);
  head.setUint16(10, head.getUint16(10) - 1);
  return bare;
}

/** The header and, where it can be read, the question, with a code and nothing else. */
function reply(asked: Uint8Array, rcode: number, flags = 0): Uint8Array {
  const end = questionEnd(asked);
  const out = Uint8Array.from(asked.subarray(0, end));
  const view = new DataView(out.buffer);
  const kept = view.getUint16(2) & (0x7800 | FLAG.RECURSION_DESIRED);
  view.setUint16(2, kept | FLAG.RESPONSE | flags | rcode);
  view.setUint16(4, end > HEADER_BYTES ? 1 : 0);
  for (const at of [6, 8, 10]) view.setUint16(at, 0);
  return out;
}

/** The end of the first question; of the header where there is none. */
function questionEnd(bytes: Uint8Array): number {
  let at = HEADER_BYTES;
  while (at < bytes.length && bytes[at] !== 0) {
    if (bytes[at]! > 63) return HEADER_BYTES;
    at += bytes[at]! + 1;
  }
  return at + 5 <= bytes.length ? at + 5 : HEADER_BYTES;
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}
