import { type ClientSubnet, decodeClientSubnet, encodeClientSubnet } from "./client-subnet.ts";
import { CLASS, FLAG, HEADER_BYTES, MESSAGE_BYTES_MAX, OPTION, TYPE } from "./codes.ts";
import { decodeName } from "./name.ts";
import { decodeData, encodeData, type ResourceRecord } from "./record.ts";
import { FAULT, isWireFault, type WireFault } from "./wire-fault.ts";
import { Writer } from "./writer.ts";

export interface Question {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

export interface EdnsOption {
  readonly code: number;
  readonly data: Uint8Array;
}

/** The OPT record (RFC 6891 6.1), without the upper bits of the response code. */
export interface Edns {
  readonly payloadBytes: number;
  readonly version: number;
  readonly dnssecOk: boolean;
  readonly clientSubnet: ClientSubnet | null;
  /** All other options, in order. */
  readonly options: readonly EdnsOption[];
}

export interface Message {
  readonly id: number;
  readonly opcode: number;
  /** Twelve bits with EDNS, four without. */
  readonly rcode: number;
  /** Of `FLAG`, combined. */
  readonly flags: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  /** Without the OPT record. */
  readonly additionals: readonly ResourceRecord[];
  readonly edns: Edns | null;
}

const FLAGS = Object.values(FLAG).reduce((all, flag) => all | flag, 0);

/**
 * Reads one whole message, and nothing but it. Never throws. Names in texts are as in `decodeName`.
 *
 * @example const message = decodeMessage(bytes);
 */
export function decodeMessage(bytes: Uint8Array): Message | WireFault {
  if (bytes.length < HEADER_BYTES) return FAULT.SHORT;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const bits = view.getUint16(2);
  const questions: Question[] = [];
  let at = HEADER_BYTES;
  for (let i = view.getUint16(4); i > 0; i--) {
    const name = decodeName(bytes, at);
    if (isWireFault(name)) return name;
    if (name.end + 4 > bytes.length) return FAULT.SHORT;
    const type = view.getUint16(name.end);
    questions.push({ name: name.name, type, class: view.getUint16(name.end + 2) });
    at = name.end + 4;
  }
  const sections: ResourceRecord[][] = [[], [], []];
  let opt: OptRecord | null = null;
  for (let s = 0; s < 3; s++) {
    for (let i = view.getUint16(6 + s * 2); i > 0; i--) {
      const read = decodeRecord(bytes, view, at);
      if (isWireFault(read)) return read;
      at = read.end;
      if ("record" in read) sections[s]!.push(read.record);
      else if (opt !== null || s !== 2) return FAULT.EDNS;
      else opt = read.opt;
    }
  }
  if (at !== bytes.length) return FAULT.TRAILING;
  return {
    id: view.getUint16(0),
    opcode: (bits >> 11) & 15,
    rcode: (bits & 15) | ((opt?.rcodeHigh ?? 0) << 4),
    flags: bits & FLAGS,
    questions,
    answers: sections[0]!,
    authorities: sections[1]!,
    additionals: sections[2]!,
    edns: opt?.edns ?? null,
  };
}

interface OptRecord {
  readonly rcodeHigh: number;
  readonly edns: Edns;
}

function decodeRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
): { record: ResourceRecord; end: number } | { opt: OptRecord; end: number } | WireFault {
  const name = decodeName(bytes, at);
  if (isWireFault(name)) return name;
  const start = name.end + 10;
  if (start > bytes.length) return FAULT.SHORT;
  const type = view.getUint16(name.end);
  const klass = view.getUint16(name.end + 2);
  const length = view.getUint16(name.end + 8);
  const end = start + length;
  if (end > bytes.length) return FAULT.SHORT;
  if (type === TYPE.OPT) {
    if (name.name !== "") return FAULT.EDNS;
    const options = decodeOptions(bytes.subarray(start, end));
    if (isWireFault(options)) return options;
    const edns: Edns = {
      payloadBytes: klass,
      version: view.getUint8(name.end + 5),
      dnssecOk: (view.getUint8(name.end + 6) & 0x80) !== 0,
      ...options,
    };
    return { opt: { rcodeHigh: view.getUint8(name.end + 4), edns }, end };
  }
  const data = decodeData(bytes, { start, length }, { type, class: klass });
  if (isWireFault(data)) return data;
  const ttlSec = view.getUint32(name.end + 4);
  return { record: { name: name.name, type, class: klass, ttlSec, data }, end };
}

function decodeOptions(
  data: Uint8Array,
): { clientSubnet: ClientSubnet | null; options: EdnsOption[] } | WireFault {
  const options: EdnsOption[] = [];
  let clientSubnet: ClientSubnet | null = null;
  for (let at = 0; at < data.length; ) {
    if (at + 4 > data.length) return FAULT.EDNS;
    const code = (data[at]! << 8) | data[at + 1]!;
    const end = at + 4 + ((data[at + 2]! << 8) | data[at + 3]!);
    if (end > data.length) return FAULT.EDNS;
    const own = data.subarray(at + 4, end);
    if (code === OPTION.CLIENT_SUBNET) {
      if (clientSubnet !== null) return FAULT.CLIENT_SUBNET;
      const subnet = decodeClientSubnet(own);
      if (isWireFault(subnet)) return subnet;
      clientSubnet = subnet;
    } else {
      options.push({ code, data: Uint8Array.from(own) });
    }
    at = end;
  }
  return { clientSubnet, options };
}

/**
 * Writes a message with compressed names; null when it does not fit into `bytesMax`. Asserts that
 * its names, addresses and texts are such.
 *
 * @example encodeMessage({ ...query, questions: [{ name: "c.cdn.example", type: 1, class: 1 }] })
 */
export function encodeMessage(
  message: Message,
  bytesMax: number = MESSAGE_BYTES_MAX,
): Uint8Array | null {
  const buffer = new Uint8Array(bytesMax);
  const out = new Writer();
  out.begin(buffer, 0, bytesMax);
  out.u16(message.id);
  out.u16((message.flags & FLAGS) | (message.opcode << 11) | (message.rcode & 15));
  out.u16(message.questions.length);
  out.u16(message.answers.length);
  out.u16(message.authorities.length);
  out.u16(message.additionals.length + (message.edns === null ? 0 : 1));
  for (const question of message.questions) {
    out.name(question.name);
    out.u16(question.type);
    out.u16(question.class);
  }
  for (const section of [message.answers, message.authorities, message.additionals]) {
    for (const record of section) {
      out.name(record.name);
      out.u16(record.type);
      out.u16(record.class);
      out.u32(record.ttlSec);
      encodeData(out, record.data);
    }
  }
  if (message.edns !== null) encodeOpt(out, message.edns, message.rcode >> 4);
  return out.overflow ? null : buffer.slice(0, out.at);
}

function encodeOpt(out: Writer, edns: Edns, rcodeHigh: number): void {
  out.u8(0);
  out.u16(TYPE.OPT);
  out.u16(edns.payloadBytes);
  out.u8(rcodeHigh);
  out.u8(edns.version);
  out.u16(edns.dnssecOk ? 0x8000 : 0);
  const lengthAt = out.at;
  out.u16(0);
  const own = edns.clientSubnet;
  const subnet =
    own === null ? [] : [{ code: OPTION.CLIENT_SUBNET, data: encodeClientSubnet(own) }];
  for (const option of [...subnet, ...edns.options]) {
    out.u16(option.code);
    out.u16(option.data.length);
    out.bytes(option.data);
  }
  out.patch16(lengthAt, out.at - lengthAt - 2);
}

/**
 * A plain question in class IN with EDNS, as a resolver asks.
 *
 * @example encodeMessage(makeQuery(1, "c.cdn.example", TYPE.A))
 */
export function makeQuery(id: number, name: string, type: number): Message {
  return {
    id,
    opcode: 0,
    rcode: 0,
    flags: 0,
    questions: [{ name, type, class: CLASS.IN }],
    answers: [],
    authorities: [],
    additionals: [],
    edns: { payloadBytes: 1232, version: 0, dnssecOk: false, clientSubnet: null, options: [] },
  };
}
