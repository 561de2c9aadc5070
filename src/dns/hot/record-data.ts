import { assert } from "../../base/assert.ts";
import { parseAddress } from "../../wire/ip/mod.ts";

/** Octets of an address. Asserts that it is one: compiling a snapshot has made sure. */
export function encodeAddress(text: string): Uint8Array {
  const address = parseAddress(text);
  assert(address !== null, "A compiled address is an address");
  return address;
}

/** Refresh, retry and expire are for secondaries, of which there are none; usual values. */
export function encodeSoa(soa: {
  readonly mname: Uint8Array;
  readonly rname: Uint8Array;
  readonly serial: number;
  readonly minimumSec: number;
}): Uint8Array {
  const out = new Uint8Array(soa.mname.length + soa.rname.length + 20);
  out.set(soa.mname);
  out.set(soa.rname, soa.mname.length);
  const view = new DataView(out.buffer, soa.mname.length + soa.rname.length);
  view.setUint32(0, soa.serial);
  view.setUint32(4, 3600);
  view.setUint32(8, 600);
  view.setUint32(12, 604_800);
  view.setUint32(16, soa.minimumSec);
  return out;
}
