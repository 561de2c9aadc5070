import { Button, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { SnapshotRow } from "../../../model/api/mod.ts";
import { usePages } from "../api/pages.ts";
import { REFRESH_MS, useChange } from "../api/queries.ts";
import { Confirm } from "../parts/confirm.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { formatMoment, formatNumber } from "../parts/format.ts";
import { Older } from "../parts/older.tsx";
import { Page } from "../parts/page.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { useToast } from "../parts/toast.tsx";

const PAGE = 20;

export function SnapshotsPage() {
  const snapshots = usePages("listSnapshots", undefined, {
    size: PAGE,
    refreshMs: REFRESH_MS,
    numberOf: (row) => row.number,
  });
  const rows = snapshots.data?.pages.flat() ?? [];
  const [asking, setAsking] = useState<SnapshotRow | null>(null);
  const rollback = useChange("rollback");
  const toast = useToast();
  const newest = rows[0]?.number ?? 0;
  function confirm(row: SnapshotRow): void {
    rollback.mutate(
      { body: { number: row.number } },
      {
        onSuccess: ({ snapshot }) =>
          toast(`What snapshot ${row.number} held is published as ${snapshot.number}`),
        onError: (error) => toast(error.message, { bad: true }),
        onSettled: () => setAsking(null),
      },
    );
  }
  return (
    <Page title="Snapshots" words="Each is intent compiled: numbered, hashed, sent to every node">
      <Loaded query={snapshots}>
        {() =>
          rows.length === 0 ? (
            <Empty title="Nothing published yet">
              The first snapshot comes with turnpike apply and a network file.
            </Empty>
          ) : (
            <Stack>
              <DataTable
                label="Snapshots"
                columns={columnsOf(newest, setAsking)}
                rows={rows}
                rowKey={(row) => String(row.number)}
              />
              <Older
                pages={snapshots}
                verb="Show older snapshots"
                shown={`${formatNumber(rows.length, "snapshot")} shown`}
                end="no older one is kept"
              />
            </Stack>
          )
        }
      </Loaded>
      <Confirm
        open={asking !== null}
        title={`Roll back to snapshot ${asking?.number ?? ""}?`}
        verb="Roll back"
        busy={rollback.isPending}
        onClose={() => setAsking(null)}
        onConfirm={() => asking !== null && confirm(asking)}
      >
        <Text>
          What it held is published under a new number and reaches every node within seconds.
          Changes made since then are out of force until they are published again.
        </Text>
      </Confirm>
    </Page>
  );
}

function columnsOf(
  newest: number,
  ask: (row: SnapshotRow) => void,
): readonly Column<SnapshotRow>[] {
  return [
    { head: "Number", title: true, cell: (row) => String(row.number) },
    {
      head: "Hash",
      cell: (row) => (
        <span className="tp-mono" title={row.hash}>
          {row.hash.slice(0, 12)}
        </span>
      ),
    },
    { head: "Published", cell: (row) => formatMoment(row.createdAt) },
    { head: "Why", cell: (row) => row.note || "–" },
    { head: "Nodes", cell: (row) => <Acks row={row} inForce={row.number === newest} /> },
    {
      head: "Actions",
      quiet: true,
      align: "right",
      cell: (row) =>
        row.number === newest || !row.kept ? (
          <Text size="sm" c="dimmed">
            {row.kept ? "In force" : "No longer kept"}
          </Text>
        ) : (
          <Button variant="default" size="compact-sm" onClick={() => ask(row)}>
            Roll back<span className="tp-hidden"> to snapshot {row.number}</span>
          </Button>
        ),
    },
  ];
}

/** Only for the newest does a missing node matter: older ones may never have reached it. */
function Acks(props: { row: SnapshotRow; inForce: boolean }) {
  const { acks, missing } = props.row;
  const words = `${acks.length} of ${acks.length + missing.length} have it`;
  if (!props.inForce) return <Text c="dimmed">{words}</Text>;
  return (
    <>
      <span className="tp-state" data-tone={missing.length === 0 ? "good" : "warn"}>
        <span className="tp-dot" aria-hidden="true" />
        {words}
      </span>
      {missing.length > 0 && (
        <Text size="sm" c="dimmed">
          not yet: {missing.join(", ")}
        </Text>
      )}
    </>
  );
}
