import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import type { SetUp, SetUpCheck } from "../../../model/api/mod.ts";
import { useRead } from "../api/queries.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { formatMoment } from "./format.ts";
import { Loaded } from "./states.tsx";

const STATES: Readonly<Record<SetUpCheck["state"], readonly [tone: string, words: string]>> = {
  right: ["good", "In place"],
  incomplete: ["warn", "Not all"],
  wrong: ["bad", "Leads elsewhere"],
  missing: ["bad", "Not there"],
  unknown: ["quiet", "Not seen"],
};

const COLUMNS: readonly Column<SetUpCheck>[] = [
  {
    head: "Record",
    title: true,
    cell: (row) => (
      <span className="tp-break">
        {row.type} of {row.name}
      </span>
    ),
  },
  {
    head: "State",
    cell: ({ state }) => (
      <span className="tp-state" data-tone={STATES[state][0]}>
        <span className="tp-dot" aria-hidden="true" />
        {STATES[state][1]}
      </span>
    ),
  },
  {
    head: "There now",
    prose: true,
    cell: ({ seen }) => (
      <ul className="tp-values">
        {seen.length === 0 && <li>–</li>}
        {seen.map((value) => (
          <li key={value} className="tp-mono tp-break">
            {value}
          </li>
        ))}
      </ul>
    ),
  },
  { head: "What to do", prose: true, cell: (row) => <span className="tp-break">{row.words}</span> },
];

/** Whether the world's DNS leads a site's names to us, looked up when the page is opened. */
export function SiteSetUpState(props: { customer: string; hostname: string }) {
  const { customer, hostname } = props;
  const query = useRead("checkSite", { params: { customer, hostname } }, { refreshMs: false });
  return <SetUpState query={query} />;
}

/** The same of a zone, or a delegated host name. */
export function ZoneSetUpState(props: { customer: string; zone: string }) {
  const { customer, zone } = props;
  const query = useRead("checkZone", { params: { customer, zone } }, { refreshMs: false });
  return <SetUpState query={query} />;
}

function SetUpState(props: { query: UseQueryResult<SetUp> }) {
  const { query } = props;
  return (
    <Stack gap="sm">
      <Paper className="tp-card" p="lg" component="section">
        <Group justify="space-between">
          <div aria-live="polite">
            <Title order={2}>
              {query.data === undefined
                ? "Looking whether your DNS leads here"
                : query.data.ready
                  ? "Your DNS leads here"
                  : "Your DNS does not lead here yet"}
            </Title>
            {query.data !== undefined && (
              <Text c="dimmed" size="sm">
                Looked at {formatMoment(query.data.at)}
              </Text>
            )}
          </div>
          <Button variant="default" loading={query.isFetching} onClick={() => void query.refetch()}>
            Look again
          </Button>
        </Group>
      </Paper>
      <Loaded query={query} bars={[72]}>
        {({ checks }) => (
          <DataTable
            label="Records that lead here"
            columns={COLUMNS}
            rows={checks}
            rowKey={(row) => `${row.type} ${row.name}`}
          />
        )}
      </Loaded>
    </Stack>
  );
}
