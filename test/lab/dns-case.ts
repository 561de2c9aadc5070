/** One message to a name server and what must come back to it, and the words that such cases use. */
import { WORLD } from "../../src/dns/hot/world.fixture.ts";
import { encodeName, type RCODE, TYPE } from "../../src/wire/dns/mod.ts";
import type { Shape, Transport } from "./dns-line.ts";

/** Not one octet, the connection's end, an answer of this shape, or why there is nothing to show. */
export type Expected =
  | "nothing"
  | "closed"
  | Partial<Shape>
  | ((answer: Shape) => string | null)
  | { readonly not: string };

export interface Case {
  readonly row: string;
  readonly sends: string;
  readonly bytes: Uint8Array;
  /** Which server; see `START` of the story. */
  readonly stage?: "plain" | "required" | "down" | "signed";
  readonly expected: Expected | Readonly<Record<Transport, Expected>>;
}

/** The fixture's world, with names that a threat asks for. */
export function threatWorld(zone: { readonly dnssec?: boolean } = {}) {
  const world = structuredClone(WORLD) as typeof WORLD;
  const [hosted] = world.customers[0]!.zones!;
  const chain = Array.from({ length: 50 }, (_, i) => {
    return { name: `chain${i}`, type: "CNAME", value: `chain${i + 1}.hosted.example` };
  });
  hosted!.records.push(
    { name: "a\\.b", type: "A", value: "192.0.2.40" },
    { name: "medium", type: "TXT", value: "m".repeat(900) },
    { name: "*.self", type: "CNAME", value: "x.self.hosted.example" },
    ...chain,
    { name: "chain50", type: "A", value: "192.0.2.50" },
  );
  Object.assign(hosted!, zone);
  return world;
}

export function nameOctets(text: string): Uint8Array {
  return encodeName(text)!;
}

/** A question's octets, in class IN. */
export function asked(text: string, type: number = TYPE.A): number[] {
  return [...nameOctets(text), type >> 8, type & 255, 0, 1];
}

/** Type A, class IN. */
export const A_IN = [0, 1, 0, 1];

/** So many labels of so many octets, and the root. */
export function labels(count: number, size: number): number[] {
  const label = [size, ...Array(size).fill(0x61)];
  return [...Array.from({ length: count }, () => label).flat(), 0];
}

export function zeros(n: number): Uint8Array {
  return new Uint8Array(n);
}

export function hex(bytes: Uint8Array | readonly number[]): string {
  return Buffer.from(bytes).toString("hex");
}

/** The EDNS part of a query with one option. */
export function option(code: number, data: Uint8Array | readonly number[]) {
  return { options: [{ code, data: Uint8Array.from(data) }] };
}

/** Header flags of an opcode. */
export function flagsOf(opcode: number): number {
  return opcode << 11;
}

/** What UDP is answered, and what TCP and TLS are; over HTTPS a refusal is no end of a connection. */
export function streams(udp: Expected, stream: Expected) {
  const https: Expected = stream === "closed" ? "nothing" : stream;
  return { udp, tcp: stream, tls: stream, https };
}

export const FORMERR: Partial<Shape> = { rcode: "FORMERR", answers: [], authorities: [] };
/** No question that could be read goes back. */
export const BARE: Partial<Shape> = { ...FORMERR, question: "", bytes: 12 };

/** Refused, or as what nobody here does. */
export function refusedOr(other: keyof typeof RCODE) {
  return ({ answers, authorities, rcode }: Shape) => {
    const bare = answers.length + authorities.length === 0;
    return bare && (rcode === "REFUSED" || rcode === other) ? null : `REFUSED or ${other}`;
  };
}
