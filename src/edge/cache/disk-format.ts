import { crc32 } from "node:zlib";
import type { ObjectMeta } from "./object.ts";

/**
 * An object's file, read from its end, so that a body whose length is not known beforehand can be
 * written as it comes:
 *
 *   body | CRC-32 of each 256 KiB block, u32 each | meta as JSON | footer, 32 bytes:
 *   "TPKOBJ1\0" | u32 meta bytes | u32 meta CRC | u32 table CRC | f64 body bytes | u32 footer CRC
 *
 * Integers are little-endian. The name tells the file's size, so a file cut short is known as such
 * before it is opened; the checksums tell the rest.
 */
export const BLOCK_BYTES = 262_144;
export const FOOTER_BYTES = 32;
const MAGIC = 0x004b5054; // "TPK\0"
const VERSION = 1;

export interface Footer {
  readonly metaBytes: number;
  readonly metaCrc: number;
  readonly tableCrc: number;
  readonly bodyBytes: number;
}

/** Checksums of a body's blocks, fed in chunks of any length. */
export class BlockTable {
  readonly #crcs: number[] = [];
  #crc = 0;
  #inBlock = 0;

  add(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.byteLength) {
      const take = Math.min(BLOCK_BYTES - this.#inBlock, chunk.byteLength - at);
      this.#crc = crc32(chunk.subarray(at, at + take), this.#crc);
      this.#inBlock += take;
      at += take;
      if (this.#inBlock === BLOCK_BYTES) this.#close();
    }
  }

  #close(): void {
    this.#crcs.push(this.#crc);
    this.#crc = 0;
    this.#inBlock = 0;
  }

  finish(): Uint8Array {
    if (this.#inBlock > 0) this.#close();
    const table = new DataView(new ArrayBuffer(this.#crcs.length * 4));
    for (const [i, crc] of this.#crcs.entries()) table.setUint32(i * 4, crc, true);
    return new Uint8Array(table.buffer);
  }
}

export function blockCount(bodyBytes: number): number {
  return Math.ceil(bodyBytes / BLOCK_BYTES);
}

/** Table, meta and footer: all that follows the body. */
export function encodeTail(meta: ObjectMeta, table: Uint8Array): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(meta));
  const tail = new Uint8Array(table.byteLength + json.byteLength + FOOTER_BYTES);
  tail.set(table, 0);
  tail.set(json, table.byteLength);
  const footer = new DataView(tail.buffer, table.byteLength + json.byteLength, FOOTER_BYTES);
  footer.setUint32(0, MAGIC, true);
  footer.setUint32(4, VERSION, true);
  footer.setUint32(8, json.byteLength, true);
  footer.setUint32(12, crc32(json), true);
  footer.setUint32(16, crc32(table), true);
  footer.setFloat64(20, meta.bodyBytes, true);
  footer.setUint32(28, crc32(tail.subarray(-FOOTER_BYTES, -4)), true);
  return tail;
}

/** Null when these are not the last bytes of a whole object file of `fileBytes`. */
export function decodeFooter(bytes: Uint8Array, fileBytes: number): Footer | null {
  if (bytes.byteLength !== FOOTER_BYTES) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, FOOTER_BYTES);
  if (view.getUint32(0, true) !== MAGIC || view.getUint32(4, true) !== VERSION) return null;
  if (view.getUint32(28, true) !== crc32(bytes.subarray(0, -4))) return null;
  const metaBytes = view.getUint32(8, true);
  const bodyBytes = view.getFloat64(20, true);
  const whole = bodyBytes + blockCount(bodyBytes) * 4 + metaBytes + FOOTER_BYTES;
  if (whole !== fileBytes) return null;
  return {
    metaBytes,
    metaCrc: view.getUint32(12, true),
    tableCrc: view.getUint32(16, true),
    bodyBytes,
  };
}

/** `tail` is all that follows the body. Null when a checksum does not hold. */
export function decodeTail(
  tail: Uint8Array,
  footer: Footer,
): { readonly meta: ObjectMeta; readonly table: DataView } | null {
  const tableBytes = blockCount(footer.bodyBytes) * 4;
  const table = tail.slice(0, tableBytes);
  const json = tail.subarray(tableBytes, tableBytes + footer.metaBytes);
  if (crc32(table) !== footer.tableCrc || crc32(json) !== footer.metaCrc) return null;
  const meta = JSON.parse(new TextDecoder().decode(json)) as ObjectMeta;
  if (meta.bodyBytes !== footer.bodyBytes) return null;
  return { meta, table: new DataView(table.buffer) };
}

/** Does block `index` of a body hold what was written? */
export function blockHolds(table: DataView, index: number, block: Uint8Array): boolean {
  return crc32(block) === table.getUint32(index * 4, true);
}

/** A whole file in memory, every checksum tried. */
export function decodeFile(
  file: Uint8Array<ArrayBuffer>,
): { readonly meta: ObjectMeta; readonly body: Uint8Array<ArrayBuffer> } | null {
  if (file.byteLength < FOOTER_BYTES) return null;
  const footer = decodeFooter(file.subarray(-FOOTER_BYTES), file.byteLength);
  if (footer === null) return null;
  const tail = decodeTail(file.subarray(footer.bodyBytes), footer);
  if (tail === null) return null;
  for (let i = 0; i < blockCount(footer.bodyBytes); i++) {
    const end = Math.min((i + 1) * BLOCK_BYTES, footer.bodyBytes);
    if (!blockHolds(tail.table, i, file.subarray(i * BLOCK_BYTES, end))) return null;
  }
  return { meta: tail.meta, body: file.slice(0, footer.bodyBytes) };
}
