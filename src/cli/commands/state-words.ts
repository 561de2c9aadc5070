import type { OriginLive } from "../../model/api/mod.ts";

/** `up`, or `draining (forced drain until 2026-11-22T20:00:00.000Z)`. */
export function stateWords(o: Pick<OriginLive, "state" | "forced" | "forcedUntilMs">): string {
  if (o.forced === "auto") return o.state;
  const { forcedUntilMs } = o;
  const until =
    forcedUntilMs === undefined ? "" : ` until ${new Date(forcedUntilMs).toISOString()}`;
  return `${o.state} (forced ${o.forced}${until})`;
}
