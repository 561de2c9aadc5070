import { Group, Stack, Text, Title } from "@mantine/core";
import type { ReactNode } from "react";
import type { Live } from "../../../model/api/mod.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { formatBytes, formatExact } from "./format.ts";
import { Empty } from "./states.tsx";

type Logs = NonNullable<Live["logs"]>;

/** How the sending of a site's log to its owner goes, at each cache. */
export function LogDelivery(props: { logs: Logs; to: string; action?: ReactNode }) {
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <Title order={2}>Delivery of the log</Title>
        {props.action}
      </Group>
      <Text c="dimmed" size="sm" className="tp-break">
        Sent to {props.to}
      </Text>
      {props.logs.length === 0 ? (
        <Empty title="No cache has told yet">A batch is sent some seconds after a request.</Empty>
      ) : (
        <DataTable
          label="Delivery of the log"
          columns={LOG_COLUMNS}
          rows={props.logs}
          rowKey={(row) => row.node}
        />
      )}
    </Stack>
  );
}

const LOG_COLUMNS: readonly Column<Logs[number]>[] = [
  { head: "Cache", title: true, cell: (row) => row.node },
  { head: "Lines delivered", align: "right", cell: (row) => formatExact(row.deliveredLines) },
  { head: "Lines lost", align: "right", cell: (row) => formatExact(row.lostLines) },
  { head: "Waiting", align: "right", cell: (row) => formatBytes(row.waitingBytes) },
  {
    head: "Last attempt",
    prose: true,
    cell: ({ fault }) => (
      <span className="tp-state tp-wrap" data-tone={fault === null ? "good" : "bad"}>
        <span className="tp-dot" aria-hidden="true" />
        {fault === null ? "Went well" : `Failed: ${fault}`}
      </span>
    ),
  },
];
