import { Text } from "@mantine/core";
import type { OriginLive } from "../../../model/api/mod.ts";
import { formatPercent } from "./format.ts";

type Split = Pick<OriginLive, "share" | "wanted" | "correction" | "fetchShare" | "fetchesPerSec">;

/** What part of the answers a server gets, beside the part that it is meant to get. */
export function SplitCell(props: { origin: Split }) {
  const { share, wanted, correction, fetchShare, fetchesPerSec } = props.origin;
  const mark = `${(100 * Math.min(1, Math.max(0, wanted))).toFixed(1)}%`;
  return (
    <div className="tp-load">
      <div className="tp-load-line">
        <span className="tp-num">{formatPercent(share)}</span>
        <Text span size="xs" c="dimmed">
          {formatPercent(wanted)} wanted
        </Text>
      </div>
      <div className="tp-track" aria-hidden="true">
        <svg width="100%" height="6" role="presentation">
          <rect
            className="tp-fill"
            data-tone="good"
            y="1"
            height="6"
            rx="3"
            width={widthOf(share)}
          />
          <line className="tp-wanted" x1={mark} x2={mark} y1="0" y2="6" />
        </svg>
      </div>
      {correction !== 1 && (
        <Text size="xs" c="dimmed">
          weight × {correction.toFixed(2)}
        </Text>
      )}
      {fetchesPerSec > 0 && (
        <Text size="xs" c="dimmed">
          {formatPercent(fetchShare)} of fetches
        </Text>
      )}
    </div>
  );
}

function widthOf(share: number): string {
  return `${Math.round(Math.min(1, Math.max(0, share)) * 100)}%`;
}
