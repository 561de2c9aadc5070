const CHARS_MAX = 2048;
const EDGES_MAX = 8;
/** Below this nothing real is, and beyond it nothing useful. */
const LEAST_MS = 0.1;
const MOST_MS = 5000;

/** What one browser measured: milliseconds by the name of a node. */
export interface BeaconReport {
  readonly site: string;
  readonly rttMs: ReadonlyMap<string, number>;
}

/**
 * Reads what the beacon sends: `{"site":"www.shop.example","rtt":{"fra-1":12.5}}`. Times out of all
 * bounds are left out. Null for anything else; never throws.
 *
 * @example readBeacon('{"site":"a.example","rtt":{"fra-1":12.5}}')?.rttMs.get("fra-1") // 12.5
 */
export function readBeacon(text: string): BeaconReport | null {
  if (text.length > CHARS_MAX) return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (value === null || typeof value !== "object") return null;
  const { site, rtt } = value as { site?: unknown; rtt?: unknown };
  if (typeof site !== "string" || rtt === null || typeof rtt !== "object") return null;
  const rttMs = new Map<string, number>();
  for (const [node, ms] of Object.entries(rtt).slice(0, EDGES_MAX)) {
    if (typeof ms === "number" && ms >= LEAST_MS && ms <= MOST_MS) rttMs.set(node, ms);
  }
  return rttMs.size === 0 ? null : { site, rttMs };
}
