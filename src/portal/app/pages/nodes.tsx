import { Text } from "@mantine/core";
import type { NodeView } from "../../../model/api/mod.ts";
import { useChange, useRead } from "../api/queries.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Evidence } from "../parts/evidence.tsx";
import { ForceMenu } from "../parts/force-menu.tsx";
import { formatBandwidth, formatPercent, formatRate } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { LoadBar, StateBadge } from "../parts/state-badge.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { Link } from "../router.tsx";
import { pathOf } from "../routes.ts";

const ROLES: Readonly<Record<string, string>> = {
  dns: "name server",
  edge: "cache",
  probe: "probe",
  control: "control",
};

const COLUMNS: readonly Column<NodeView>[] = [
  {
    head: "Node",
    title: true,
    cell: (node) => (
      <div className="tp-node">
        {node.name}
        <Text size="sm" c="dimmed" fw={400}>
          in {node.pop}: {node.roles.map((role) => ROLES[role] ?? role).join(", ")}
        </Text>
        {[node.v4, node.v6].map(
          (address) =>
            address !== null && (
              <Text key={address} size="sm" fw={400} className="tp-mono">
                {address}
              </Text>
            ),
        )}
        {node.tier === "inside" && (
          <Text size="sm" c="dimmed" fw={400}>
            one cache for all
          </Text>
        )}
        {node.parent !== undefined && (
          <Text size="sm" c="dimmed" fw={400}>
            asks {node.parent}
          </Text>
        )}
        {node.roles.includes("edge") && (
          <Link
            className="tp-who-link"
            href={pathOf("nodeWho", { node: node.name })}
            aria-label={`Who gets ${node.name}`}
          >
            Who gets it
          </Link>
        )}
      </div>
    ),
  },
  {
    head: "State",
    cell: (node) => (
      <>
        <StateBadge state={node.state} forced={node.forced} untilMs={node.forcedUntilMs} />
        <Evidence target={node} />
      </>
    ),
  },
  {
    head: "Load",
    cell: (node) => <LoadBar load={node.load} known={node.loadKnown} from={node.loadFrom} />,
  },
  { head: "Lookups", align: "right", cell: (node) => formatRate(node.lookupsPerSec) },
  {
    head: "Requests",
    align: "right",
    cell: (node) => (
      <>
        {formatRate(node.requestsPerSec)}
        <Text size="xs" c="dimmed">
          {formatPercent(node.hitRatio)} hits
        </Text>
        {(node.tierRequestsPerSec ?? 0) > 0 && (
          <Text size="xs" c="dimmed">
            {formatRate(node.tierRequestsPerSec ?? 0)} of caches
          </Text>
        )}
      </>
    ),
  },
  {
    head: "Sent",
    align: "right",
    cell: (node) => (
      <>
        {formatBandwidth(node.bytesPerSec)}
        {(node.tierBytesPerSec ?? 0) > 0 && (
          <Text size="xs" c="dimmed">
            {formatBandwidth(node.tierBytesPerSec ?? 0)} to caches
          </Text>
        )}
      </>
    ),
  },
  {
    head: "Snapshot",
    align: "right",
    cell: (node) => (node.snapshot === null ? "none" : String(node.snapshot)),
  },
  {
    head: "Actions",
    quiet: true,
    align: "right",
    cell: (node) => node.roles.includes("edge") && <NodeMenu node={node} />,
  },
];

/** What can be done to one cache. */
function NodeMenu(props: { node: NodeView }) {
  const patch = useChange("patchNode");
  const { name, forced } = props.node;
  return (
    <ForceMenu
      name={name}
      forced={forced}
      patch={{
        busy: patch.isPending,
        error: patch.error,
        send: (body, then) => patch.mutate({ params: { name }, body }, then),
      }}
    />
  );
}

export function NodesPage() {
  const nodes = useRead("listNodes", {});
  return (
    <Page title="Nodes" words="Machines of this network, with what is measured at each">
      <Loaded query={nodes}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title="No node yet">
              Nodes come with the network file: name one there and run turnpike apply.
            </Empty>
          ) : (
            <DataTable label="Nodes" columns={COLUMNS} rows={rows} rowKey={(node) => node.id} />
          )
        }
      </Loaded>
    </Page>
  );
}
