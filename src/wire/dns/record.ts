import { assert } from "../../base/assert.ts";
import { formatAddress, parseAddress } from "../ip/mod.ts";
import { CLASS, TYPE } from "./codes.ts";
import { type Field, layoutOf } from "./data-layout.ts";
import { decodeName, encodeName } from "./name.ts";
import { FAULT, isWireFault, type WireFault } from "./wire-fault.ts";
import type { Writer } from "./writer.ts";

export interface Soa {
  readonly mname: string;
  readonly rname: string;
  readonly serial: number;
  readonly refreshSec: number;
  readonly retrySec: number;
  readonly expireSec: number;
  readonly minimumSec: number;
}

/**
 * What a record says. Types of more than one field, those we do not know, and known ones of a class
 * other than IN, are `raw`: octets with every name in them whole, and written that way (RFC 3597 4).
 */
export type RecordData =
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "soa"; readonly soa: Soa }
  | { readonly kind: "texts"; readonly texts: readonly Uint8Array[] }
  | { readonly kind: "raw"; readonly bytes: Uint8Array };

export interface ResourceRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttlSec: number;
  readonly data: RecordData;
}

/** Reads the data that lies at `start` for `length` octets; names in it may point back. */
export function decodeData(
  bytes: Uint8Array,
  at: { readonly start: number; readonly length: number },
  of: { readonly type: number; readonly class: number },
): RecordData | WireFault {
  const end = at.start + at.length;
  const own = bytes.subarray(at.start, end);
  const type = of.class === CLASS.IN ? of.type : -1;
  if (type === TYPE.A || type === TYPE.AAAA) {
    if (own.length !== (type === TYPE.A ? 4 : 16)) return FAULT.DATA;
    return { kind: "address", address: formatAddress(own) };
  }
  if (type === TYPE.NS || type === TYPE.CNAME || type === TYPE.PTR) {
    const name = decodeName(bytes, at.start);
    if (isWireFault(name)) return name;
    return name.end === end ? { kind: "name", name: name.name } : FAULT.DATA;
  }
  if (type === TYPE.SOA) return decodeSoa(bytes, at.start, end);
  if (type === TYPE.TXT) return decodeTexts(own);
  if (layoutOf(type).fields.includes("name")) {
    return expandNames(bytes, { start: at.start, end }, layoutOf(type).fields);
  }
  return { kind: "raw", bytes: Uint8Array.from(own) };
}

/** Senders may have compressed names in old types, and some did in others (RFC 3597 4). */
function expandNames(
  bytes: Uint8Array,
  at: { readonly start: number; readonly end: number },
  fields: readonly Field[],
): RecordData | WireFault {
  const out: number[] = [];
  let from = at.start;
  const copy = (octets: number) => {
    out.push(...bytes.subarray(from, from + octets));
    from += octets;
  };
  for (const field of fields) {
    if (field === "name") {
      const name = decodeName(bytes, from);
      if (isWireFault(name)) return name;
      // What was read as a name can be written as one.
      out.push(...encodeName(name.name)!);
      from = name.end;
    } else if (field === "u16") copy(2);
    else if (field === "string") copy(1 + (bytes[from] ?? 0));
    else {
      assert(field === "params", "Beside names stand numbers of 16 bits, strings and parameters");
      copy(Math.max(0, at.end - from));
    }
    if (from > at.end) return FAULT.DATA;
  }
  return from === at.end ? { kind: "raw", bytes: Uint8Array.from(out) } : FAULT.DATA;
}

function decodeSoa(bytes: Uint8Array, start: number, end: number): RecordData | WireFault {
  const mname = decodeName(bytes, start);
  if (isWireFault(mname)) return mname;
  const rname = decodeName(bytes, mname.end);
  if (isWireFault(rname)) return rname;
  if (rname.end + 20 !== end) return FAULT.DATA;
  const view = new DataView(bytes.buffer, bytes.byteOffset + rname.end, 20);
  return {
    kind: "soa",
    soa: {
      mname: mname.name,
      rname: rname.name,
      serial: view.getUint32(0),
      refreshSec: view.getUint32(4),
      retrySec: view.getUint32(8),
      expireSec: view.getUint32(12),
      minimumSec: view.getUint32(16),
    },
  };
}

/** One or more strings of at most 255 octets, each after its length (RFC 1035 3.3.14). */
function decodeTexts(own: Uint8Array): RecordData | WireFault {
  const texts: Uint8Array[] = [];
  for (let at = 0; at < own.length; at += own[at]! + 1) {
    if (at + 1 + own[at]! > own.length) return FAULT.DATA;
    texts.push(Uint8Array.from(own.subarray(at + 1, at + 1 + own[at]!)));
  }
  return texts.length === 0 ? FAULT.DATA : { kind: "texts", texts };
}

/** Writes the length and the data. Names of RFC 1035's types are compressed, others never. */
export function encodeData(out: Writer, data: RecordData): void {
  const lengthAt = out.at;
  out.u16(0);
  switch (data.kind) {
    case "address": {
      const address = parseAddress(data.address);
      assert(address !== null, "An address record holds an address");
      out.bytes(address);
      break;
    }
    case "name":
      out.name(data.name);
      break;
    case "soa":
      out.name(data.soa.mname);
      out.name(data.soa.rname);
      for (const word of [data.soa.serial, data.soa.refreshSec, data.soa.retrySec]) out.u32(word);
      out.u32(data.soa.expireSec);
      out.u32(data.soa.minimumSec);
      break;
    case "texts":
      for (const text of data.texts) {
        assert(text.length <= 255, "A string of a TXT record has at most 255 octets");
        out.u8(text.length);
        out.bytes(text);
      }
      break;
    case "raw":
      out.bytes(data.bytes);
      break;
  }
  out.patch16(lengthAt, out.at - lengthAt - 2);
}
