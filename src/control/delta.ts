/** What turns one JSON value into another; null where they are equal. Lists are replaced whole. */
export type Delta =
  | { readonly set: unknown }
  | { readonly change: Readonly<Record<string, Delta>>; readonly drop?: readonly string[] };

type Plain = Readonly<Record<string, unknown>>;

/** @example diffJson({ a: 1, b: 2 }, { a: 1, b: 3 }) // { change: { b: { set: 3 } } } */
export function diffJson(before: unknown, after: unknown): Delta | null {
  if (Object.is(before, after)) return null;
  if (!isPlain(before) || !isPlain(after)) return sameList(before, after) ? null : { set: after };
  const change: Record<string, Delta> = {};
  let changed = false;
  for (const key of Object.keys(after)) {
    if (after[key] === undefined) continue;
    const delta = Object.hasOwn(before, key)
      ? diffJson(before[key], after[key])
      : { set: after[key] };
    if (delta === null) continue;
    put(change, key, delta);
    changed = true;
  }
  const gone = (key: string) => !Object.hasOwn(after, key) || after[key] === undefined;
  const drop = Object.keys(before).filter(gone);
  if (drop.length > 0) return { change, drop };
  return changed ? { change } : null;
}

/** Makes the later value; what did not change is shared with the earlier one. */
export function applyDelta(before: unknown, delta: Delta): unknown {
  if ("set" in delta) return delta.set;
  const after: Record<string, unknown> = {};
  const dropped = new Set(delta.drop);
  for (const [key, value] of Object.entries(before as Plain)) {
    if (!dropped.has(key)) put(after, key, value);
  }
  for (const [key, inner] of Object.entries(delta.change)) {
    put(after, key, applyDelta(Object.hasOwn(after, key) ? after[key] : {}, inner));
  }
  return after;
}

/** A key of any name, `__proto__` too, as a key and nothing else. */
function put(target: Record<string, unknown>, key: string, value: unknown): void {
  const all = { value, enumerable: true, writable: true, configurable: true };
  if (key === "__proto__") Object.defineProperty(target, key, all);
  else target[key] = value;
}

function isPlain(value: unknown): value is Plain {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function sameList(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return false;
  return JSON.stringify(a) === JSON.stringify(b);
}
