import type { Family, PrefixTable } from "../../wire/ip/mod.ts";

/** One lookup that was written down, as octets; see query-log.ts for what becomes of it. */
export interface Sample {
  readonly atMs: number;
  /** Of `PROTO`. */
  readonly proto: number;
  /** The client that was decided for, cut to `bits`: all addresses of that prefix are alike. */
  readonly address: Uint8Array;
  readonly bits: number;
  readonly group: number;
  /** By EDNS client subnet, not the resolver's own address. */
  readonly subnet: boolean;
  readonly query: Uint8Array;
  /** Empty where nothing was sent. */
  readonly answer: Uint8Array;
  /** Numbers that the answer was decided by; 0 before there are any. */
  readonly snapshot: number;
  readonly health: number;
  readonly assignment: number;
}

/** No more than this wait to be fetched; twice a second is fetched. */
const SAMPLES_MAX = 20_000;
/** A person is not told by more (RFC 7871 11.1, RFC 6973). */
const CLIENT_BITS_V4 = 24;
const CLIENT_BITS_V6 = 56;

/** Whose address a decision was made for. */
export interface DecidedFor {
  readonly address: Uint8Array;
  readonly addressAt: number;
  readonly family: Family;
  readonly bits: number;
  readonly subnet: boolean;
}

/** Keeps one lookup of so many, chosen by count. What it does not keep costs one subtraction. */
export class Sampler {
  readonly #each: number;
  #left: number;
  #samples: Sample[] = [];

  /** @param each 0 keeps none, 1 keeps all. */
  constructor(each: number) {
    this.#each = each;
    this.#left = each;
  }

  /** Whether this one is to be kept. Hot. */
  due(): boolean {
    if (this.#each === 0 || --this.#left > 0) return false;
    this.#left = this.#each;
    return this.#samples.length < SAMPLES_MAX;
  }

  /** `answer` is copied; it is cut to its length. */
  keep(
    packet: { readonly bytes: Uint8Array; readonly length: number },
    answer: Uint8Array,
    by: {
      readonly proto: number;
      readonly client: DecidedFor;
      readonly groups: PrefixTable | null;
      readonly numbers: Pick<Sample, "atMs" | "snapshot" | "health" | "assignment">;
    },
  ): void {
    const { address, addressAt, family, bits, subnet } = by.client;
    const packed = by.groups?.lookup(address, addressAt, family, bits) ?? 0;
    const kept = family === 4 ? CLIENT_BITS_V4 : CLIENT_BITS_V6;
    this.#samples.push({
      ...by.numbers,
      proto: by.proto,
      address: address.slice(addressAt, addressAt + (family === 4 ? 4 : 16)),
      bits: Math.min(bits, Math.max(kept, packed & 255)),
      group: packed >> 8,
      subnet,
      query: packet.bytes.slice(0, packet.length),
      answer: answer.slice(),
    });
  }

  take(): readonly Sample[] {
    const taken = this.#samples;
    if (taken.length > 0) this.#samples = [];
    return taken;
  }
}
