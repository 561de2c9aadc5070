import { Code, Stack, Text, Title } from "@mantine/core";
import { Fragment } from "react";
import type { WhyNotReply } from "../../../model/api/mod.ts";
import { useRead } from "../api/queries.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { formatExact, formatPercent } from "./format.ts";
import { Empty, Loaded } from "./states.tsx";

type Row = WhyNotReply["reasons"][number];

/** Reasons shown; the others are of no weight. */
const TOP = 8;

/** Why requests of the last hour were no hits, and what to do about it. */
export function WhyNot(props: { customer: string; hostname: string }) {
  const { customer, hostname } = props;
  const report = useRead("readWhyNot", { params: { customer, hostname } });
  return (
    <Stack gap="xs">
      <Title order={2}>Why requests were no hits</Title>
      <Loaded query={report} bars={[160]}>
        {(data) =>
          data.reasons.length === 0 ? (
            <Empty title="No misses seen">
              Reasons appear here once caches have answered requests of the last hour for {hostname}
              .
            </Empty>
          ) : (
            <>
              <Text c="dimmed" size="sm">
                {formatExact(data.requests)} requests at caches in the last hour,{" "}
                {formatPercent(data.hitRatio)} of them hits. The gain is what the fix would add to
                that, were these answers asked for again like all that is kept now.
              </Text>
              <DataTable
                label="Why requests were no hits"
                columns={COLUMNS}
                rows={data.reasons.slice(0, TOP)}
                rowKey={(row) => row.reason}
              />
            </>
          )
        }
      </Loaded>
    </Stack>
  );
}

const COLUMNS: readonly Column<Row>[] = [
  { head: "Reason", title: true, cell: (row) => row.reason },
  { head: "What it is", prose: true, cell: (row) => <Words text={row.means} /> },
  { head: "Requests", align: "right", cell: (row) => formatExact(row.requests) },
  { head: "Share", align: "right", cell: (row) => formatPercent(row.share) },
  { head: "Gain", align: "right", cell: gainOf },
  {
    head: "What to do",
    prose: true,
    cell: (row) => (row.fix === null ? "Nothing: it is as it is to be" : <Words text={row.fix} />),
  },
];

function gainOf({ gain, fix }: Row): string {
  if (gain === null) return "Not known yet";
  return gain === 0 || fix === null ? "–" : `+${formatPercent(gain)}`;
}

/** What stands between backticks is to be written as it is. */
export function Words(props: { text: string }) {
  const parts = props.text.split("`").map((words, i) => ({ words, at: i }));
  return parts.map(({ words, at }) =>
    at % 2 === 0 ? <Fragment key={at}>{words}</Fragment> : <Code key={at}>{words}</Code>,
  );
}
