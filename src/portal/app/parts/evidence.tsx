import { Text } from "@mantine/core";
import type { OriginLive } from "../../../model/api/mod.ts";
import { formatLoad, formatMs, formatSpan } from "./format.ts";
import { sourceWords } from "./state-badge.tsx";

type Measured = Pick<OriginLive, "state" | "sinceMs" | "sources" | "views">;

/** Why a target has the state and load it has: one line, and everything measured behind it. */
export function Evidence(props: { target: Measured }) {
  const { sources, views } = props.target;
  if (views.length === 0 && sources.length === 0) {
    return (
      <Text size="xs" c="dimmed">
        Checks begin within seconds
      </Text>
    );
  }
  return (
    <details className="tp-evidence">
      <summary>{summaryOf(props.target)}</summary>
      <dl>
        {views.map((view) => (
          <div key={view.vantage}>
            <dt>from {view.vantage}</dt>
            <dd>{view.up ? formatMs(view.responseMs) : view.failure || "failed"}</dd>
          </div>
        ))}
        {sources.map((source) => (
          <div key={source.kind}>
            <dt>load by {sourceWords(source.kind)}</dt>
            <dd>
              {formatLoad(source.load)} ({source.detail})
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

function summaryOf(target: Measured): string {
  const { views } = target;
  const up = views.filter((view) => view.up).length;
  const failures = [...new Set(views.filter((v) => !v.up).map((v) => v.failure || "failed"))];
  const times = views.flatMap((v) => (v.responseMs === null ? [] : [v.responseMs]));
  const parts = [`${up} of ${views.length} checks pass`];
  if (failures.length > 0) parts.push(failures.join(", "));
  if (times.length > 0) parts.push(formatMs(median(times)));
  if (target.sinceMs !== null) parts.push(`for ${formatSpan(nowOf(target) - target.sinceMs)}`);
  return parts.join(" · ");
}

/** The newest measurement is the present: the reader's own clock may be wrong. */
function nowOf(target: Measured): number {
  return Math.max(target.sinceMs ?? 0, ...target.views.map((view) => view.atMs));
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
