import type { ReportedLoad } from "./reported-load.ts";

const TEXT_CHARS_MAX = 65_536;
const LOAD_MAX = 1000;
const KEYS = {
  current: ["current", "current-load", "currentLoad"],
  target: ["target", "target-load", "targetLoad"],
  maximum: ["maximum", "max", "max-load", "maximum-load", "maxLoad"],
} as const;

/** What a server says of its own load, in a unit of its own. */
export interface LoadObject {
  readonly current: number;
  /** What it should carry: load 1. */
  readonly target: number | null;
  /** What it can carry at most. */
  readonly maximum: number | null;
}

/**
 * Reads a load object: JSON with `current`, `target`, `maximum`, or XML with elements of these
 * names (also `current-load`...), at any depth of XML and the top of JSON. Null when it is neither
 * or names no current load and no target or maximum.
 *
 * @example readLoadObject('{"current":30,"target":60}')?.target // 60
 */
export function readLoadObject(text: string): LoadObject | null {
  const bounded = text.slice(0, TEXT_CHARS_MAX).trim();
  const find = bounded.startsWith("<") ? fromXml(bounded) : fromJson(bounded);
  if (find === null) return null;
  const current = find(KEYS.current);
  const target = find(KEYS.target);
  const maximum = find(KEYS.maximum);
  if (current === null || current < 0) return null;
  return positive({ current, target, maximum });
}

function positive(object: LoadObject): LoadObject | null {
  const { current } = object;
  const target = object.target !== null && object.target > 0 ? object.target : null;
  const maximum = object.maximum !== null && object.maximum > 0 ? object.maximum : null;
  return target === null && maximum === null ? null : { current, target, maximum };
}

type Find = (keys: readonly string[]) => number | null;

function fromJson(text: string): Find | null {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value !== "object") return null;
    const object = value as Record<string, unknown>;
    return (keys) => {
      for (const key of keys) {
        const number = object[key];
        if (typeof number === "number" && Number.isFinite(number)) return number;
      }
      return null;
    };
  } catch {
    return null;
  }
}

function fromXml(text: string): Find {
  return (keys) => {
    for (const key of keys) {
      const found = new RegExp(
        `<${key}>\\s{0,9}(\\d{1,15}(?:\\.\\d{1,15})?)\\s{0,9}</${key}>`,
        "i",
      );
      const number = found.exec(text)?.[1];
      if (number !== undefined) return Number(number);
    }
    return null;
  };
}

/**
 * Load is current/target, and at least 1 from the maximum on; without a target the maximum is it.
 *
 * @example loadOfObject({ current: 30, target: 60, maximum: 90 }).load // 0.5
 */
export function loadOfObject({ current, target, maximum }: LoadObject): ReportedLoad {
  const at = target ?? maximum ?? 1;
  const full = maximum !== null && current >= maximum ? 1 : 0;
  const most = maximum === null ? "" : `, maximum ${shown(maximum)}`;
  return {
    kind: "reported",
    load: Math.min(LOAD_MAX, Math.max(full, current / at)),
    detail: `current ${shown(current)}, target ${shown(at)}${most}`,
  };
}

function shown(value: number): string {
  return String(Math.round(value * 100) / 100);
}
