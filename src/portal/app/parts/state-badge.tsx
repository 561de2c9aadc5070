import { Text } from "@mantine/core";
import { formatMoment } from "./format.ts";

const WORDS: Readonly<Record<string, string>> = {
  up: "Up",
  down: "Down",
  draining: "Draining",
  unknown: "Not measured yet",
  valid: "Valid",
  expiring: "Ends soon",
  expired: "Ended",
  "not-yet": "Not valid yet",
  waiting: "Waiting",
  ordering: "Being ordered",
  obtained: "Obtained",
  failed: "Failed",
  own: "Uploaded",
};

const TONES: Readonly<Record<string, string>> = {
  up: "good",
  down: "bad",
  draining: "warn",
  unknown: "quiet",
  valid: "good",
  expiring: "warn",
  expired: "bad",
  "not-yet": "quiet",
  waiting: "quiet",
  ordering: "quiet",
  obtained: "good",
  failed: "bad",
  own: "good",
};

/** A state in a word and a sign of its own shape: never by colour alone. */
export function StateBadge(props: {
  state: string;
  forced?: string;
  /** When `forced` ends, if it does by itself. */
  untilMs?: number | undefined;
}) {
  const tone = TONES[props.state] ?? "quiet";
  const until = props.untilMs === undefined ? "" : ` until ${formatMoment(props.untilMs)}`;
  const forced = props.forced !== undefined && props.forced !== "auto" ? ` (forced${until})` : "";
  return (
    <span className="tp-state" data-tone={tone}>
      <span className="tp-dot" aria-hidden="true" />
      <span className="tp-wrap">
        <span className="tp-whole">{WORDS[props.state] ?? props.state}</span>
        {forced}
      </span>
    </span>
  );
}

/** Load on the scale from idle to capacity; beyond capacity the bar is full and turns red. */
export function LoadBar(props: { load: number | null; known: boolean; from: string | null }) {
  const load = props.load ?? 0;
  const tone = load >= 1 ? "bad" : load >= 0.8 ? "warn" : "good";
  return (
    <div className="tp-load">
      <div className="tp-load-line">
        <span className="tp-num">{props.load === null ? "–" : props.load.toFixed(2)}</span>
        <Text span size="xs" c="dimmed">
          {props.load === null
            ? "not measured"
            : props.known
              ? sourceWords(props.from)
              : "pool's median"}
        </Text>
      </div>
      <div className="tp-track" aria-hidden="true">
        <svg width="100%" height="6" role="presentation">
          <rect className="tp-fill" data-tone={tone} height="6" rx="3" width={percent(load)} />
        </svg>
      </div>
    </div>
  );
}

function percent(load: number): string {
  return `${Math.round(Math.min(1, Math.max(0, load)) * 100)}%`;
}

const SOURCES: Readonly<Record<string, string>> = {
  cpu: "CPU",
  memory: "memory",
  network: "network",
  http: "HTTP response",
  ftp: "FTP response",
  tcp: "TCP response",
  tls: "TLS handshake",
  dns: "DNS response",
  icmp: "ping",
  connections: "connections",
  edges: "fetches by caches",
  loop: "late timers",
  reported: "reported",
};

/** The kind of measurement in words. */
export function sourceWords(kind: string | null): string {
  return kind === null ? "unknown" : (SOURCES[kind] ?? kind);
}
