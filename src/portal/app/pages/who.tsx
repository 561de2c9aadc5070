import { Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import type { WhoView } from "../../../model/api/mod.ts";
import { useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { formatMoment, formatPercent, formatRate } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { Stats } from "../parts/stats.tsx";
import { pathOf } from "../routes.ts";

/** Every client group is decided for anew: not each two seconds. */
const AGAIN_MS = 10_000;
const GROUPS_MAX = 200;

type GroupRow = WhoView["groups"][number];
type ReasonRow = WhoView["reasons"][number];

/** Which clients are answered with a server, and why: the very function that answers them. */
export function WhoPage(props: PageProps) {
  const { customer = "", hostname = "", server = "", node } = props.params;
  const [at, setAt] = useState("");
  const when = at === "" ? null : new Date(at);
  const past = when !== null && !Number.isNaN(when.getTime()) ? { at: when.toISOString() } : {};
  const asked = useRead(
    "who",
    { query: { server: node ?? `${hostname}/${server}`, limit: GROUPS_MAX, ...past } },
    { refreshMs: AGAIN_MS },
  );
  const up =
    node === undefined
      ? { label: hostname, href: pathOf("site", { customer, hostname }) }
      : { label: "Nodes", href: pathOf("nodes") };
  return (
    <Page
      title={`Who gets ${node ?? server}`}
      up={up}
      words="And why, by the function that answers"
    >
      <Stack>
        <Paper className="tp-card" p="lg">
          <TextInput
            type="datetime-local"
            step={1}
            maw={320}
            label="At (your time)"
            description="Empty for now; at most 24 hours back"
            value={at}
            onChange={(e) => setAt(e.currentTarget.value)}
            inputWrapperOrder={["label", "input", "description", "error"]}
          />
        </Paper>
        <Loaded query={asked}>{(data) => <Answer data={data} />}</Loaded>
      </Stack>
    </Page>
  );
}

function Answer(props: { data: WhoView }) {
  const { data } = props;
  const miss = { label: "Fetches by caches", note: "on a miss" };
  return (
    <Stack aria-live="polite">
      <Stats
        list={[
          {
            label: "Share of lookups",
            value: formatPercent(data.share),
            note:
              data.demand === "recorded"
                ? `of ${data.name}, in the minutes before`
                : `of ${data.name}, each client group alike`,
          },
          {
            label: "Client groups",
            value: `${data.groupsOfIt}`,
            note: `of ${data.groupsInAll}`,
          },
          ...(data.sites === undefined
            ? []
            : [
                {
                  label: "Sites' own names",
                  value: String(data.sites.held),
                  note: `of ${data.sites.inAll}, among the caches of its pop`,
                },
              ]),
          ...(data.missShare === null ? [] : [{ ...miss, value: formatPercent(data.missShare) }]),
          {
            label: "Decided on snapshot",
            value: String(data.snapshot),
            note: `${data.at === undefined ? "" : `at ${formatMoment(data.at)}, `}health ${data.health}, assignment ${data.assignment}`,
          },
        ]}
      />
      {data.groups.length === 0 ? (
        <Empty title="Nobody gets it">
          No client group is answered with this server. Explain says of each candidate why.
        </Empty>
      ) : (
        <>
          <Title order={2}>For what reasons</Title>
          <DataTable
            label="Reasons"
            columns={REASONS}
            rows={data.reasons}
            rowKey={(row) => `${row.filter} ${row.reason}`}
          />
          <Group justify="space-between">
            <Title order={2}>Which client groups</Title>
            {data.groupsOfIt > data.groups.length && (
              <Text size="sm" c="dimmed">
                The {data.groups.length} with most lookups, of {data.groupsOfIt}
              </Text>
            )}
          </Group>
          <DataTable
            label="Client groups"
            columns={GROUPS}
            rows={data.groups}
            rowKey={(row) => row.group}
          />
        </>
      )}
    </Stack>
  );
}

const REASONS: readonly Column<ReasonRow>[] = [
  { head: "Reason", title: true, cell: (row) => row.reason.replaceAll("-", " ") },
  { head: "Said by", cell: (row) => row.filter },
  { head: "Client groups", align: "right", cell: (row) => row.groups },
  { head: "Of all lookups", align: "right", cell: (row) => formatPercent(row.share) },
];

const GROUPS: readonly Column<GroupRow>[] = [
  { head: "Client group", title: true, cell: (row) => row.group },
  { head: "Lookups", align: "right", cell: (row) => formatRate(row.lookupsPerSec) },
  { head: "Of its lookups", align: "right", cell: (row) => formatPercent(row.share) },
  {
    head: "Why",
    prose: true,
    cell: (row) => (
      <>
        {row.reason.replaceAll("-", " ")}
        {row.detail !== "" && <Text span c="dimmed" size="sm">{` ${row.detail}`}</Text>}
      </>
    ),
  },
];
