/** One target as the rule for mass failures sees it. */
export interface FailingView {
  readonly pool: string;
  /** Failing now, though it is known as up: what was down before or never up is no news. */
  readonly failing: boolean;
}

/** Below this many targets no share of them is taken for our own fault. */
const TARGETS_LEAST = 20;

/**
 * More than half of many targets failing at once is our own network's fault rather than theirs
 * (DESIGN.md section 3); never judged within one pool, whose servers may well die together.
 * Returns the words for people, or null.
 *
 * @example massFailure([{ pool: "a", failing: true }]) // null
 */
export function massFailure(views: readonly FailingView[]): string | null {
  if (views.length < TARGETS_LEAST) return null;
  const failing = views.filter((view) => view.failing);
  if (failing.length * 2 <= views.length) return null;
  if (new Set(failing.map((view) => view.pool)).size < 2) return null;
  return `${failing.length} of ${views.length} targets failed at once`;
}
