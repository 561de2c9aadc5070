/** Numbers of the fields of xds.data.orca.v3.OrcaLoadReport that tell a load; each is a double. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [1, "cpu_utilization"],
  [2, "mem_utilization"],
  [9, "application_utilization"],
]);

/**
 * The doubles of an OrcaLoadReport in protobuf, in base64, by name; a field that comes twice counts as
 * it came last. Null for what is no such message. Never throws.
 */
export function readOrcaBinary(text: string): ReadonlyMap<string, number> | null {
  const bytes = bytesOf(text.trim());
  if (bytes === null) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<string, number>();
  let at = 0;
  while (at < bytes.length) {
    const tag = varint(bytes, at);
    if (tag === null) return null;
    at = tag.end;
    const name = NAMES.get(Math.floor(tag.value / 8));
    const kind = tag.value % 8;
    if (kind === 1 && name !== undefined && at + 8 <= bytes.length) {
      found.set(name, view.getFloat64(at, true));
    }
    const end = endOf(bytes, at, kind);
    if (end === null || end > bytes.length) return null;
    at = end;
  }
  return found;
}

/** Where a value of this wire type ends; null: there is no such type. */
function endOf(bytes: Uint8Array, at: number, kind: number): number | null {
  if (kind === 1) return at + 8;
  if (kind === 5) return at + 4;
  const number = kind === 0 || kind === 2 ? varint(bytes, at) : null;
  if (number === null) return null;
  return kind === 0 ? number.end : number.end + number.value;
}

function varint(bytes: Uint8Array, from: number): { value: number; end: number } | null {
  let value = 0;
  for (let at = from; at < bytes.length && at < from + 10; at++) {
    const byte = bytes[at]!;
    value += (byte & 127) * 2 ** (7 * (at - from));
    if (byte < 128) return { value, end: at + 1 };
  }
  return null;
}

function bytesOf(base64: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
