import { Text } from "@mantine/core";
import type { WhyReply } from "../../../model/api/mod.ts";
import { formatBytes, formatSpan } from "./format.ts";

type Told = WhyReply["caches"][number]["here"] | "silent";
type Here = NonNullable<WhyReply["caches"][number]["here"]>;

const VERDICTS: Readonly<Record<Here["verdict"], readonly [tone: string, words: string]>> = {
  hit: ["good", "Answer: a hit"],
  stale: ["warn", "Ask first: stale"],
  miss: ["warn", "Fetch: a miss"],
  pass: ["quiet", "Pass it on"],
  answered: ["quiet", "Answer by a rule"],
};

/** What the cache would do, and its word for why. */
export function OutcomeCell({ here }: { here: Told }) {
  const [tone, words] =
    here === "silent"
      ? ["bad", "Did not answer"]
      : here === null
        ? ["bad", "Refuse it"]
        : VERDICTS[here.verdict];
  return (
    <>
      <span className="tp-state" data-tone={tone}>
        <span className="tp-dot" aria-hidden="true" />
        {words}
      </span>
      <Text size="sm" c="dimmed" className="tp-break">
        {here === null ? "no site here has that address" : here !== "silent" && here.reason}
      </Text>
    </>
  );
}

/** What it holds for this request. */
export function HeldCell({ here }: { here: Told }) {
  if (here === "silent" || here === null) return "–";
  if (here.held === null) return "Nothing";
  const { status, bytes, tier, ageSec, lifetimeSec, from } = here.held;
  const left = lifetimeSec - ageSec;
  return (
    <>
      {formatBytes(bytes)} with status {status}, {tier === "disk" ? "on disk" : "in memory"}
      <Text size="sm" c="dimmed">
        {formatSpan(ageSec * 1000)} old, lives {formatSpan(lifetimeSec * 1000)} ({from}):{" "}
        {left > 0 ? `${formatSpan(left * 1000)} left` : "over"}
      </Text>
    </>
  );
}

/** By what it is found, which rules have a say, and whom the cache would ask. */
export function KeyCell({ here }: { here: Told }) {
  if (here === "silent" || here === null) return "–";
  const { path, parts, rules, decided, parents = [] } = here;
  return (
    <>
      <span className="tp-mono">{path}</span>
      {parts.map(({ name, value }) => (
        <Text key={name} size="sm" c="dimmed" className="tp-break">
          {name} = {value ?? "none"}
        </Text>
      ))}
      <Text size="sm" c="dimmed" className="tp-break">
        {rules.length === 0 ? "No rule matches" : `Rules: ${rules.join(", ")}`}
      </Text>
      {decided.map(({ setting, rule }) => (
        <Text key={setting} size="sm" c="dimmed" className="tp-break">
          {setting} by {rule}
        </Text>
      ))}
      {parents.length > 0 && (
        <Text size="sm" c="dimmed" className="tp-break">
          Asks {parents.join(", then ")}, then your web servers
        </Text>
      )}
    </>
  );
}
