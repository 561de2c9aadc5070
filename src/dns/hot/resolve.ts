import type { Snapshot } from "../../model/snapshot.ts";
import { clientSeed, stickyBits } from "../../policy/steering/mod.ts";
import { RCODE, TYPE, targetOffset } from "../../wire/dns/mod.ts";
import type { PrefixTable } from "../../wire/ip/mod.ts";
import type { HealthMirror } from "./mirror.ts";
import type { HotName, NameIndex, RecordSet, Steered } from "./name-index.ts";
import { QUESTION_NAME, type Reply } from "./reply.ts";
import type { SteeredTable } from "./steered.ts";

/** How many CNAMEs are followed within our zones; loops end here too (NSD follows 18). */
const CNAME_HOPS_MAX = 8;

/** Hosts of one set whose addresses are looked up, so that no answer costs many searches. */
const HOSTS_MAX = 20;

/** Records added for a host besides its addresses, and whether an answer is cut without them. */
interface Additional {
  /** Others are left out where they do not fit (RFC 2181 9). */
  readonly needed: boolean;
  /** A type besides A and AAAA: what an alias leads to (RFC 9460 4.1). */
  readonly also: number;
}
const NEEDED: Additional = { needed: true, also: TYPE.A };
const HELPFUL: Additional = { needed: false, also: TYPE.A };

/** What one snapshot compiles to. */
export interface Loaded {
  readonly snapshot: Snapshot;
  readonly index: NameIndex;
  readonly groups: PrefixTable;
  readonly mirror: HealthMirror;
  readonly steered: SteeredTable;
  /** Queries per site since the last drain. */
  readonly queries: Uint32Array;
}

/** Writes what stands at a name that is found; each method returns the response code. */
export class Resolver {
  readonly #reply: Reply;
  #random: number;

  /** @param seed an unsigned 32-bit number, for the draws among choices. */
  constructor(reply: Reply, seed: number) {
    this.#reply = reply;
    this.#random = seed >>> 0 || 1;
  }

  /** Writes the records of a name, following CNAMEs within our zones. */
  resolve(loaded: Loaded, first: HotName): number {
    const type = this.#reply.query.type;
    let name = first;
    let owner: Uint8Array | null = null;
    this.#reply.out.noteName(QUESTION_NAME);
    for (let hops = 0; hops < CNAME_HOPS_MAX; hops++) {
      if (name.steered !== null && (type === TYPE.A || type === TYPE.AAAA)) {
        this.#countQuery(loaded, name.steered);
        const group = this.clientGroup(loaded.groups);
        const subject = name.steered.for === "origins" ? name.steered.site + 1 : 0;
        const row = loaded.steered.row(subject, group, type === TYPE.A ? 4 : 6);
        return this.steer(loaded, name, { row, owner });
      }
      const set = findSet(name.sets, type);
      if (set !== null) {
        this.#reply.answers += this.#reply.set(owner, set);
        if (targetOffset(type) >= 0) this.#addHosts(loaded, set, { name, owner });
        return RCODE.NOERROR;
      }
      if (name.steered !== null) this.#countQuery(loaded, name.steered);
      if (name.cname === null) return this.#reply.deny(name.zone, owner, RCODE.NOERROR);
      this.#reply.answers += this.#reply.set(owner, name.cname);
      owner = name.cname.data[0]!;
      const place = loaded.index.findClosest(owner);
      if (place < 0) return RCODE.NOERROR;
      const next = loaded.index.name(place);
      // What was found stands; whoever wants the rest asks there (RFC 1034 4.3.2 3b).
      if (next.cut !== null) return this.refer(loaded, next.cut, owner);
      const exact = loaded.index.octets(place) === owner.length;
      const source = exact ? next : next.wildcard;
      // RFC 6604 2.1: the code is that of the last name of the chain.
      if (source === null) return this.#reply.deny(next.zone, owner, RCODE.NXDOMAIN);
      name = source;
    }
    return RCODE.NOERROR;
  }

  /** Addresses that are decided per client, where one record of the question's name is not all. */
  steer(loaded: Loaded, name: HotName, at: { row: number; owner: Uint8Array | null }): number {
    const type = this.#reply.query.type;
    const { owner } = at;
    const table = loaded.steered;
    const set = table.set(at.row);
    if (set.choices.length === 0) return this.#reply.deny(name.zone, owner, RCODE.NOERROR);
    if (set.all) {
      for (const data of set.data) this.#reply.record(owner, type, { ttlSec: set.ttlSec, data });
      this.#reply.answers += set.data.length;
      table.count(set, -1);
      return RCODE.NOERROR;
    }
    const sticks = set.choices[0]?.stick !== undefined;
    const drawn = table.draw(set, sticks ? this.#clientSeed() : this.#nextRandom());
    this.#reply.record(owner, type, { ttlSec: set.ttlSec, data: set.data[drawn]! });
    this.#reply.answers += 1;
    table.count(set, drawn);
    return RCODE.NOERROR;
  }

  #countQuery(loaded: Loaded, steered: Steered): void {
    if (steered.site !== null) loaded.queries[steered.site]! += 1;
  }

  /** By client subnet if one was sent, else by the resolver's own address. */
  clientGroup(groups: PrefixTable): number {
    const query = this.#reply.query;
    // A source length of 0 asks us not to use the client's address (RFC 7871 7.1.2).
    if (query.subnet && query.subnetSourceBits > 0) {
      const { subnetAddress, subnetFamily, subnetSourceBits } = query;
      const packed = groups.lookup(subnetAddress, 0, subnetFamily, subnetSourceBits);
      this.#reply.opt.scopeBits = packed & 255;
      return packed >> 8;
    }
    const { address, addressAt, family } = this.#reply.packet;
    return groups.lookup(address, addressAt, family, family === 4 ? 32 : 128) >> 8;
  }

  /** The seed of a draw that sticks to clients; the answer's scope is then as long as it looks. */
  #clientSeed(): number {
    const query = this.#reply.query;
    if (query.subnet && query.subnetSourceBits > 0) {
      const { subnetAddress, subnetFamily: family, subnetSourceBits: bits } = query;
      this.#reply.opt.scopeBits = Math.max(this.#reply.opt.scopeBits, stickyBits(family));
      return clientSeed(subnetAddress, 0, { family, bits });
    }
    const { address, addressAt, family } = this.#reply.packet;
    return clientSeed(address, addressAt, { family, bits: family === 4 ? 32 : 128 });
  }

  #nextRandom(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random;
  }

  /** A name below a delegation: whom to ask, and where they are if that lies below it too. */
  refer(loaded: Loaded, cut: HotName, owner: Uint8Array | null): number {
    const set = findSet(cut.sets, TYPE.NS);
    if (set === null) return RCODE.SERVFAIL;
    this.#reply.out.noteName(QUESTION_NAME);
    for (const data of set.data) {
      if (owner === null) this.#reply.ancestor(cut.labels);
      else this.#reply.out.wireName(lastLabels(owner, cut.labels));
      this.#reply.tail(TYPE.NS, { ttlSec: set.ttlSec, data });
      this.#reply.authorities += 1;
    }
    // Without the addresses that lie below the cut nobody gets there: they must fit (RFC 9471 2).
    for (const below of [true, false]) {
      for (const server of set.data) {
        const place = loaded.index.findExact(server);
        if (place < 0) continue;
        const host = loaded.index.name(place);
        if ((host.cut === cut) === below)
          this.#addAddresses(host, server, below ? NEEDED : HELPFUL);
      }
    }
    return RCODE.NOERROR;
  }

  /**
   * Addresses of the hosts that NS, MX, SRV, SVCB and HTTPS name (RFC 1035 3.3.9, RFC 2782, RFC 9460
   * 4.1), where they are in the same zone, or of our own name servers.
   */
  #addHosts(
    loaded: Loaded,
    set: RecordSet,
    at: { readonly name: HotName; readonly owner: Uint8Array | null },
  ): void {
    const { name, owner } = at;
    const offset = targetOffset(set.type);
    for (let i = 0; i < set.data.length && i < HOSTS_MAX; i++) {
      if (namedBefore(set, i, offset)) continue;
      const host = set.data[i]!.subarray(offset, nameEnd(set.data[i]!, offset));
      if (host[0] === 0) {
        // The owner itself, unless it is an alias for nothing (RFC 9460 2.5.1, 2.5.2).
        if (isService(set.type) && isServiceMode(set.data[i]!))
          this.#addAddresses(name, owner, HELPFUL);
        continue;
      }
      const place = loaded.index.findExact(host);
      if (place < 0) continue;
      const found = loaded.index.name(place);
      if (found.zone !== name.zone && set.type !== TYPE.NS) continue;
      const alias = isService(set.type) && !isServiceMode(set.data[i]!);
      this.#addAddresses(found, host, alias ? { needed: false, also: set.type } : HELPFUL);
    }
  }

  #addAddresses(host: HotName, owner: Uint8Array | null, which: Additional): void {
    const { needed, also } = which;
    for (const set of host.sets) {
      if (set.type !== TYPE.A && set.type !== TYPE.AAAA && set.type !== also) continue;
      const out = this.#reply.out;
      if (out.overflow) return;
      const start = out.at;
      const count = this.#reply.set(owner, set);
      if (out.overflow && !needed) out.rewind(start);
      else this.#reply.additionals += count;
    }
  }
}

function findSet(sets: readonly RecordSet[], type: number): RecordSet | null {
  for (const set of sets) if (set.type === type) return set;
  return null;
}

function isService(type: number): boolean {
  return type === TYPE.SVCB || type === TYPE.HTTPS;
}

/** Priority 0 is an alias (RFC 9460 2.4.1). */
function isServiceMode(data: Uint8Array): boolean {
  return (data[0]! | data[1]!) !== 0;
}

/** Whether an earlier record of the set names the same host. */
function namedBefore(set: RecordSet, index: number, offset: number): boolean {
  const own = set.data[index]!;
  const end = nameEnd(own, offset);
  for (let i = 0; i < index; i++) {
    const other = set.data[i]!;
    let at = offset;
    while (at < end && own[at] === other[at]) at++;
    if (at === end) return true;
  }
  return false;
}

/** The end of a name, so many labels long. */
function lastLabels(name: Uint8Array, labels: number): Uint8Array {
  let own = 0;
  for (let at = 0; name[at] !== 0; at += name[at]! + 1) own += 1;
  let from = 0;
  for (; own > labels; own--) from += name[from]! + 1;
  return name.subarray(from);
}

/** The offset after the name at `at`. */
function nameEnd(data: Uint8Array, at: number): number {
  let end = at;
  while (data[end] !== 0) end += data[end]! + 1;
  return end + 1;
}
