import type { Family } from "../certificate-metrics.ts";
import type { Deps } from "../deps.ts";

/** Prometheus text (exposition format 0.0.4) about the network; no customer's name is in it. */
export function metricsText(
  deps: Deps,
  requests: ReadonlyMap<string, number>,
  more: readonly Family[] = [],
): string {
  const health = deps.feed.health();
  const states = { up: 0, down: 0, draining: 0, unknown: 0 };
  for (const target of Object.values(health.targets)) states[target.state] += 1;
  const lines = [
    ...gauge("turnpike_snapshot_number", "Number of the newest snapshot", [
      ["", deps.publisher.latest()?.number ?? 0],
    ]),
    ...gauge("turnpike_health_number", "Number of the latest health", [["", health.number]]),
    ...gauge("turnpike_health_at_seconds", "When health was last judged", [
      ["", health.atMs / 1000],
    ]),
    ...gauge(
      "turnpike_targets",
      "Servers and nodes by state",
      Object.entries(states).map(([state, n]) => [`{state="${state}"}`, n]),
    ),
    ...nodeGauges(deps),
    ...more.flatMap(([name, help, samples]) => gauge(name, help, samples)),
    "# HELP turnpike_api_requests_total Answers of the API by status class",
    "# TYPE turnpike_api_requests_total counter",
    ...[...requests].map(([klass, n]) => `turnpike_api_requests_total{class="${klass}"} ${n}`),
  ];
  return `${lines.join("\n")}\n`;
}

/** Of the network's own machines each by name; of customers' servers only how many are in which state. */
function nodeGauges({ feed }: Deps): string[] {
  const { targets } = feed.health();
  const seen = (feed.snapshot()?.nodes ?? []).flatMap(({ id, name }) => {
    const target = targets[id];
    return target === undefined ? [] : [{ name, target }];
  });
  return [
    ...gauge(
      "turnpike_node_state",
      "1 for the state that a node is in",
      seen.map(({ name, target }) => [`{node="${name}",state="${target.state}"}`, 1]),
    ),
    ...gauge(
      "turnpike_node_load",
      "Load of a node: 0 idle, 1 at capacity",
      seen.map(({ name, target }) => [`{node="${name}"}`, target.load]),
    ),
  ];
}

function gauge(name: string, help: string, samples: readonly (readonly [string, number])[]) {
  return [
    `# HELP ${name} ${help}`,
    `# TYPE ${name} gauge`,
    ...samples.map(([labels, value]) => `${name}${labels} ${value}`),
  ];
}
