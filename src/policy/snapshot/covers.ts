import { formatPrefix, parsePrefix } from "../../wire/ip/mod.ts";

/** Whether a prefix lies in one of many: a look for each length that there is. */
export class Covers {
  readonly #known = new Set<string>();
  readonly #bits = { 4: new Set<number>(), 6: new Set<number>() };

  constructor(prefixes: readonly string[]) {
    for (const text of prefixes) {
      const prefix = parsePrefix(text);
      if (prefix === null) continue;
      this.#known.add(formatPrefix(prefix));
      this.#bits[prefix.family].add(prefix.bits);
    }
  }

  has(text: string): boolean {
    const prefix = parsePrefix(text);
    if (prefix === null) return false;
    const address = text.slice(0, text.indexOf("/"));
    for (const bits of this.#bits[prefix.family]) {
      if (bits > prefix.bits) continue;
      const outer = parsePrefix(`${address}/${bits}`);
      if (outer !== null && this.#known.has(formatPrefix(outer))) return true;
    }
    return false;
  }
}
