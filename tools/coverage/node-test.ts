/**
 * What the unit tests of octets take from `bun:test`, for Node: there the engine counts branches. Bundled
 * in its place by branches.ts; `run()` then runs all that was told.
 */
import { isDeepStrictEqual } from "node:util";

type Body = () => unknown;
const told: { readonly name: string; readonly body: Body }[] = [];
const path: string[] = [];

export function describe(name: string, body: Body): void {
  path.push(name);
  body();
  path.pop();
}

export function test(name: string, body: Body): void {
  told.push({ name: [...path, name].join(" > "), body });
}

/** Runs them in the order in which they were told; returns how many failed. */
export async function run(say: (line: string) => void): Promise<number> {
  let failed = 0;
  for (const { name, body } of told) {
    try {
      await body();
    } catch (error) {
      failed += 1;
      say(`FAIL  ${name}: ${error instanceof Error ? error.stack : error}`);
    }
  }
  say(`${told.length - failed} passed, ${failed} failed`);
  return failed;
}

export function expect(received: unknown) {
  const say = (is: boolean, words: string, expected?: unknown) => {
    if (!is) throw new Error(`expected ${words}: ${show(expected)}, received ${show(received)}`);
  };
  const number = received as number;
  const text = received as string;
  return {
    toBe: (expected: unknown) => say(Object.is(received, expected), "to be", expected),
    toEqual: (expected: unknown) => say(same(received, expected), "to equal", expected),
    toBeNull: () => say(received === null, "null"),
    toBeLessThan: (most: number) => say(number < most, "less than", most),
    toBeLessThanOrEqual: (most: number) => say(number <= most, "at most", most),
    toBeGreaterThan: (least: number) => say(number > least, "more than", least),
    toBeGreaterThanOrEqual: (least: number) => say(number >= least, "at least", least),
    toBeCloseTo: (near: number) => say(Math.abs(number - near) < 0.005, "near", near),
    toHaveLength: (length: number) =>
      say((received as unknown[]).length === length, "long", length),
    toContain: (part: unknown) => say((received as unknown[]).includes(part), "with", part),
    toStartWith: (part: string) => say(text.startsWith(part), "to start with", part),
    toEndWith: (part: string) => say(text.endsWith(part), "to end with", part),
    toMatch: (pattern: RegExp) => say(pattern.test(text), "to match", pattern),
    toHaveProperty: (name: string) => say(name in (received as object), "with", name),
    toThrow: () => say(throws(received as Body), "to throw"),
    not: {
      toBe: (other: unknown) => say(!Object.is(received, other), "not to be", other),
      toEqual: (other: unknown) => say(!same(received, other), "not to equal", other),
      toContain: (part: unknown) => say(!(received as unknown[]).includes(part), "without", part),
      toMatch: (pattern: RegExp) => say(!pattern.test(text), "not to match", pattern),
      toBeNull: () => say(received !== null, "not null"),
      toThrow: () => say(!throws(received as Body), "not to throw"),
    },
  };
}

function throws(body: Body): boolean {
  try {
    body();
    return false;
  } catch {
    return true;
  }
}

/** As `toEqual` has it: fields that are undefined are as if they were not there. */
function same(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(plain(a), plain(b));
}

function plain(value: unknown): unknown {
  if (ArrayBuffer.isView(value)) {
    return Uint8Array.from(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object" || value instanceof Map || value instanceof Set) {
    return value;
  }
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, plain(field)]));
}

function show(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(plain(value)) : String(value);
}
