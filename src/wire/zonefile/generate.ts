/** $GENERATE of BIND: `start-stop[/step]`, and `$`, `${offset,width,base}` in what follows. */
export interface Range {
  readonly start: number;
  readonly stop: number;
  readonly step: number;
}

export function parseRange(text: string): Range | null {
  const match = /^(\d{1,9})-(\d{1,9})(?:\/(\d{1,9}))?$/.exec(text);
  if (match === null) return null;
  const range = { start: Number(match[1]), stop: Number(match[2]), step: Number(match[3] ?? 1) };
  return range.stop < range.start || range.step === 0 ? null : range;
}

export function countOf({ start, stop, step }: Range): number {
  return Math.floor((stop - start) / step) + 1;
}

/** The template with `$` replaced; null where a `${...}` is wrong. `\$` is a plain dollar sign. */
export function fillTemplate(template: string, value: number): string | null {
  let out = "";
  for (let at = 0; at < template.length; at++) {
    const one = template[at]!;
    if (one === "\\") {
      const next = template[++at] ?? "";
      out += next === "$" ? next : `\\${next}`;
    } else if (one !== "$") out += one;
    else if (template[at + 1] !== "{") out += String(value);
    else {
      const end = template.indexOf("}", at);
      const filled = end < 0 ? null : fillModifier(template.slice(at + 2, end), value);
      if (filled === null) return null;
      out += filled;
      at = end;
    }
  }
  return out;
}

function fillModifier(text: string, value: number): string | null {
  const match = /^(-?\d{1,9})(?:,(\d{1,2})(?:,([doxXnN]))?)?$/.exec(text);
  if (match === null) return null;
  const number = value + Number(match[1]);
  const width = Number(match[2] ?? 0);
  const base = match[3] ?? "d";
  if (number < 0) return null;
  if (base === "n" || base === "N") return nibbles(number, width, base === "N");
  const digits = number.toString(base === "d" ? 10 : base === "o" ? 8 : 16).padStart(width, "0");
  return base === "X" ? digits.toUpperCase() : digits;
}

/** Hexadecimal digits from the last to the first with dots between, as reverse zones have them. */
function nibbles(number: number, width: number, upper: boolean): string {
  const digits = number.toString(16).padStart(Math.ceil((width + 1) / 2), "0");
  const text = [...digits].reverse().join(".");
  return upper ? text.toUpperCase() : text;
}
