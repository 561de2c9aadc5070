import type { TargetHealth } from "../../model/health.ts";
import { note, type Standing } from "./candidate.ts";

/**
 * Filter `healthy`: runs before every chain, over all candidates. The only one that may leave
 * nothing: then the all-down choice applies. State chart (forced wins over what was measured):
 *
 *   forced | measured  | kept | reason
 *   down   | any       | no   | forced-down
 *   drain  | any       | no   | draining
 *   up     | any       | yes  | forced-up
 *   auto   | up        | yes  | healthy
 *   auto   | unknown   | yes  | unmeasured
 *   auto   | draining  | no   | draining
 *   auto   | down      | no   | down
 */
export function judgeHealthy(standing: Standing): void {
  const state = standing.health?.state ?? "unknown";
  const { forced } = standing;
  if (forced === "down") note(standing, "healthy", false, ["forced-down", byHand(standing)]);
  else if (forced === "drain") note(standing, "healthy", false, ["draining", byHand(standing)]);
  else if (forced === "up") note(standing, "healthy", true, ["forced-up", byHand(standing)]);
  else if (state === "up") note(standing, "healthy", true, ["healthy", "checks pass"]);
  else if (state === "unknown") note(standing, "healthy", true, ["unmeasured", "no check yet"]);
  else if (state === "draining") note(standing, "healthy", false, ["draining", "being drained"]);
  else note(standing, "healthy", false, ["down", failureOf(standing.health)]);
}

function byHand({ forcedUntilMs }: Standing): string {
  const until =
    forcedUntilMs === undefined ? "" : ` until ${new Date(forcedUntilMs).toISOString()}`;
  return `set by hand${until}`;
}

function failureOf(health: TargetHealth | undefined): string {
  const failed = health?.views.filter((view) => !view.up) ?? [];
  const words = [...new Set(failed.map((view) => view.failure).filter((text) => text !== ""))];
  const seenBy = `${failed.length} of ${health?.views.length ?? 0} vantages see it fail`;
  return words.length === 0 ? seenBy : `${seenBy}: ${words.join(", ")}`;
}
