/**
 * The first of each list, then the second of each that has one, and so on: whoever has a long list waits for
 * nobody longer than who has a short one, and no less.
 *
 * @example byTurns([["a", "b", "c"], ["x"]]) // ["a", "x", "b", "c"]
 */
export function byTurns<T>(lists: Iterable<readonly T[]>): T[] {
  const all: T[] = [];
  let left = [...lists];
  for (let i = 0; left.length > 0; i++) {
    left = left.filter(({ length }) => length > i);
    for (const list of left) all.push(list[i]!);
  }
  return all;
}
