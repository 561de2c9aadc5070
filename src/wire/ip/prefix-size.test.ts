import { expect, test } from "bun:test";
import { parseAddress } from "./address.ts";
import { compilePrefixBytes } from "./prefix-compile.ts";
import { openPrefixes } from "./prefix-table.ts";

const COUNT = 1_000_000;
const V4 = 750_000;
const BYTES_MAX = 64e6;

/** Every second /24 from 1.0.0.0 on, or every second /48 of 2a00::/12: no two of them join. */
function blockOf(i: number): string {
  if (i < V4) return `${1 + ((i * 2) >> 16)}.${(i >> 7) & 255}.${(i * 2) & 255}.0`;
  const n = (i - V4) * 2;
  return `2a00:${((n >> 16) & 0xffff).toString(16)}:${(n & 0xffff).toString(16)}::`;
}

const groupOf = (i: number) => 1 + (i % 4095);

test("a million prefixes take at most 64 MB, and each is found", () => {
  const entries = Array.from({ length: COUNT }, (_, i) => {
    return { prefix: `${blockOf(i)}/${i < V4 ? 24 : 48}`, value: groupOf(i) };
  });
  const startMs = performance.now();
  const compiled = compilePrefixBytes(entries);
  const tookMs = performance.now() - startMs;
  const arrays = [compiled.v4, compiled.v6].flatMap((one) => [
    ...[one.starts, one.entryOf, one.value, one.bits, one.parent, one.top],
  ]);
  const bytes = arrays.reduce((sum, array) => sum + array.byteLength, 0);
  process.stderr.write(`${COUNT} prefixes: ${(bytes / 1e6).toFixed(1)} MB in ${tookMs | 0} ms\n`);
  expect(bytes).toBeLessThanOrEqual(BYTES_MAX);
  const table = openPrefixes(compiled);
  for (let i = 0; i < COUNT; i += 997) {
    const found = table.find(parseAddress(blockOf(i))!, i < V4 ? 4 : 6);
    expect(found).toEqual({ value: groupOf(i), bits: i < V4 ? 24 : 48 });
  }
}, 60_000);
