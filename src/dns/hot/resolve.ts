import { assert } from "../../base/assert.ts";
import { clientSeed, stickyBits } from "../../policy/steering/mod.ts";
import { RCODE, TYPE, targetOffset } from "../../wire/dns/mod.ts";
import type { PrefixTable } from "../../wire/ip/mod.ts";
import type { HealthMirror } from "./mirror.ts";
import type { NameIndex } from "./name-index.ts";
import { QUESTION_NAME, type Reply } from "./reply.ts";
import type { SteeredTable } from "./steered.ts";
import { isOfCaches } from "./subject.ts";
import type { Tables } from "./tables.ts";

/** How many CNAMEs are followed within our zones; loops end here too (NSD follows 18). */
const CNAME_HOPS_MAX = 8;

/** Hosts of one set whose addresses are looked up, so that no answer costs many searches. */
const HOSTS_MAX = 20;

/** What one thread looks up of one snapshot. */
export interface Loaded {
  readonly tables: Tables;
  readonly index: NameIndex;
  readonly groups: PrefixTable;
  readonly mirror: HealthMirror;
  readonly steered: SteeredTable;
}

/** Writes what stands at a name that is found; each method returns the response code. */
export class Resolver {
  readonly #reply: Reply;
  #random: number;
  /** The answer is cut without the records added now; others are left out (RFC 2181 9). */
  #needed = false;

  /** @param seed an unsigned 32-bit number, for the draws among choices. */
  constructor(reply: Reply, seed: number) {
    this.#reply = reply;
    this.#random = seed >>> 0 || 1;
  }

  /** Writes the records of the name at this place, following CNAMEs within our zones. */
  resolve(loaded: Loaded, first: number): number {
    const reply = this.#reply;
    const { index } = loaded;
    const { type } = reply.query;
    let place = first;
    reply.out.noteName(QUESTION_NAME);
    for (let hops = 0; hops < CNAME_HOPS_MAX; hops++) {
      const subject = index.subject(place);
      if (subject >= 0 && (type === TYPE.A || type === TYPE.AAAA)) {
        if (isOfCaches(subject)) this.countOther(loaded, place);
        const group = this.clientGroup(loaded.groups);
        const row = loaded.steered.row(subject, group, type === TYPE.A ? 4 : 6);
        return this.steer(loaded, place, row);
      }
      const set = index.set(place, type);
      if (subject >= 0) this.countOther(loaded, place);
      if (set >= 0) {
        reply.answers += reply.set(set);
        if (targetOffset(type) >= 0) this.#addHosts(index, place, set);
        return RCODE.NOERROR;
      }
      const alias = index.set(place, TYPE.CNAME);
      if (alias < 0) return reply.deny(denying(index, place, type), RCODE.NOERROR);
      reply.answers += reply.set(alias);
      const target = index.first(alias);
      reply.owner = target;
      const next = index.findClosest(index.bytes, target);
      if (next < 0) return RCODE.NOERROR;
      // What was found stands; whoever wants the rest asks there (RFC 1034 4.3.2 3b).
      if (index.cut(next) >= 0) return this.refer(index, index.cut(next));
      const exact = index.octets(next) === index.size(target);
      place = exact ? next : index.wildcard(next);
      // RFC 6604 2.1: the code is that of the last name of the chain.
      if (place < 0) return reply.deny(index.zone(next), RCODE.NXDOMAIN);
    }
    return RCODE.NOERROR;
  }

  /** Addresses that are decided per client, where one record of the question's name is not all. */
  steer(loaded: Loaded, place: number, row: number): number {
    const reply = this.#reply;
    const { type } = reply.query;
    const table = loaded.steered;
    if (table.only(row)) {
      reply.ownerName();
      table.append(row, reply.out);
      reply.answers += 1;
      return RCODE.NOERROR;
    }
    const set = table.set(row);
    if (set.choices.length === 0) {
      if (!isOfCaches(loaded.index.subject(place))) this.countOther(loaded, place);
      return reply.deny(loaded.index.zone(place), RCODE.NOERROR);
    }
    if (set.all) {
      for (const data of set.data) reply.record(type, set.ttlSec, data);
      reply.answers += set.data.length;
      table.count(set, -1);
      return RCODE.NOERROR;
    }
    const sticks = set.choices[0]?.stick !== undefined;
    const drawn = table.draw(set, sticks ? this.#clientSeed() : this.#nextRandom());
    reply.record(type, set.ttlSec, set.data[drawn]!);
    reply.answers += 1;
    table.count(set, drawn);
    return RCODE.NOERROR;
  }

  /** Counts a query that is no lookup of the servers of the site whose name this is. */
  countOther(loaded: Loaded, place: number): void {
    const site = loaded.index.metered(place);
    if (site >= 0) loaded.steered.countOther(site);
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
  refer(index: NameIndex, cut: number): number {
    const reply = this.#reply;
    const set = index.set(cut, TYPE.NS);
    assert(set >= 0, "A delegation has name servers");
    reply.out.noteName(QUESTION_NAME);
    reply.delegation(cut, set);
    // Without the addresses that lie below the cut nobody gets there: they must fit (RFC 9471 2).
    this.#needed = true;
    this.#addServers(index, set, cut);
    this.#needed = false;
    this.#addServers(index, set, cut);
    return RCODE.NOERROR;
  }

  /** Addresses of a delegation's servers: of those below it while they are `#needed`, else of the others. */
  #addServers(index: NameIndex, set: number, cut: number): void {
    const count = index.count(set);
    let server = index.first(set);
    for (let i = 0; i < count; i++, server = index.next(server)) {
      const host = index.findExact(index.bytes, server);
      if (host < 0 || (index.cut(host) === cut) !== this.#needed) continue;
      this.#reply.owner = server;
      this.#addAddresses(index, host, TYPE.A);
    }
  }

  /**
   * Addresses of the hosts that NS, MX, SRV, SVCB and HTTPS name (RFC 1035 3.3.9, RFC 2782, RFC 9460
   * 4.1), where they are in the same zone, or of our own name servers.
   */
  #addHosts(index: NameIndex, place: number, set: number): void {
    const reply = this.#reply;
    const { owner } = reply;
    const { bytes } = index;
    const type = index.type(set);
    const offset = targetOffset(type);
    const count = Math.min(index.count(set), HOSTS_MAX);
    const service = type === TYPE.SVCB || type === TYPE.HTTPS;
    let record = index.first(set);
    for (let i = 0; i < count; i++, record = index.next(record)) {
      const host = record + offset;
      if (namedBefore(index, set, host)) continue;
      // Priority 0 is an alias (RFC 9460 2.4.1).
      const alias = service && bytes[record] === 0 && bytes[record + 1] === 0;
      if (bytes[host] === 0) {
        // The owner itself, unless it is an alias for nothing (RFC 9460 2.5.1, 2.5.2).
        reply.owner = owner;
        if (service && !alias) this.#addAddresses(index, place, TYPE.A);
        continue;
      }
      const found = index.findExact(bytes, host);
      if (found < 0) continue;
      if (index.zone(found) !== index.zone(place) && type !== TYPE.NS) continue;
      reply.owner = host;
      // What an alias leads to besides (RFC 9460 4.1).
      this.#addAddresses(index, found, alias ? type : TYPE.A);
    }
  }

  /** A, AAAA and records of one type more. */
  #addAddresses(index: NameIndex, host: number, also: number): void {
    const { out } = this.#reply;
    for (let set = index.firstSet(host); set >= 0; set = index.nextSet(set)) {
      const type = index.type(set);
      if (type !== TYPE.A && type !== TYPE.AAAA && type !== also) continue;
      if (out.overflow) return;
      const start = out.at;
      const count = this.#reply.set(set);
      if (out.overflow && !this.#needed) out.rewind(start);
      else this.#reply.additionals += count;
    }
  }
}

/** The zone that says what is not there: a zone's DS is of the one above it (RFC 4035 3.1.4.1). */
function denying(index: NameIndex, place: number, type: number): number {
  const zone = index.zone(place);
  const above = type === TYPE.DS && zone === place ? index.zoneAbove(place) : -1;
  return above < 0 ? zone : above;
}

/** Whether an earlier record of the set names the host that is named at `host`. */
function namedBefore(index: NameIndex, set: number, host: number): boolean {
  const { bytes } = index;
  const offset = targetOffset(index.type(set));
  for (let other = index.first(set) + offset; other < host; ) {
    if (sameName(bytes, other, host)) return true;
    other = index.next(other - offset) + offset;
  }
  return false;
}

function sameName(bytes: Uint8Array, a: number, b: number): boolean {
  let i = 0;
  for (let left = 0; ; i++) {
    const octet = bytes[a + i]!;
    if (octet !== bytes[b + i]) return false;
    if (left > 0) left -= 1;
    else if (octet === 0) return true;
    else left = octet;
  }
}
