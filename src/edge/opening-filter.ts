import type { FilterStep } from "./socket-filter.ts";

/** An IPv4 address, or the /64 of an IPv6 one: who counts as one client. */
export interface ClientNetwork {
  readonly family: 4 | 6;
  /** Its first 32 bits, */
  readonly high: number;
  /** and the next 32; 0 of IPv4. */
  readonly low: number;
}

/** Where the fields of the TCP header (RFC 9293 3.1) and of IP's are, as a filter of a socket sees them. */
const TCP_FLAGS_AT = 13;
const IP_AT = 0xfff0_0000;
const V4_SOURCE_AT = IP_AT + 12;
const V6_SOURCE_AT = IP_AT + 8;
const SYN = 0x02;
const SYN_OR_ACK = 0x12;

/** BPF_LD | BPF_W or BPF_B | BPF_ABS; BPF_LD | BPF_MEM and BPF_ST; BPF_ALU and BPF_JMP with BPF_K; BPF_RET. */
const LOAD_WORD = 0x20;
const LOAD_BYTE = 0x30;
const RECALL = 0x60;
const STORE = 0x02;
const AND = 0x54;
const SHIFT_RIGHT = 0x74;
const JUMP = 0x05;
const IF_EQUAL = 0x15;
const RETURN = 0x06;
const PASS: FilterStep = [RETURN, 0xffff_ffff];
const DROP: FilterStep = [RETURN, 0];

/**
 * What of the packets to a listener is dropped: those that open a connection, of everybody or of these
 * networks. Clients say them again after a second, three and seven (RFC 6298), and come in once none are
 * dropped; what is opened already goes on. A socket that the listener makes has its filter, too, and
 * never gets such a packet.
 */
export function dropOpening(of: "everybody" | readonly ClientNetwork[]): readonly FilterStep[] {
  const opening: FilterStep[] = [
    [LOAD_BYTE, TCP_FLAGS_AT],
    [AND, SYN_OR_ACK],
    [IF_EQUAL, SYN, 1, 0],
    PASS,
  ];
  if (of === "everybody") return [...opening, DROP];
  const v4 = of.filter(({ family }) => family === 4);
  const v6 = of.filter(({ family }) => family === 6);
  const ofV4: FilterStep[] = [
    [LOAD_WORD, V4_SOURCE_AT],
    ...v4.flatMap(({ high }): FilterStep[] => [[IF_EQUAL, high, 0, 1], DROP]),
    PASS,
  ];
  const ofV6: FilterStep[] = [
    [LOAD_WORD, V6_SOURCE_AT],
    [STORE, 0],
    [LOAD_WORD, V6_SOURCE_AT + 4],
    [STORE, 1],
    ...v6.flatMap(({ high, low }): FilterStep[] => [
      [RECALL, 0],
      [IF_EQUAL, high, 0, 3],
      [RECALL, 1],
      [IF_EQUAL, low, 0, 1],
      DROP,
    ]),
    PASS,
  ];
  return [
    ...opening,
    [LOAD_BYTE, IP_AT],
    [SHIFT_RIGHT, 4],
    [IF_EQUAL, 4, 1, 0],
    [JUMP, ofV4.length],
    ...ofV4,
    ...ofV6,
  ];
}
