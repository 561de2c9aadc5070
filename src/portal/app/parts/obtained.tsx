import { Alert, Button, Group, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { ObtainedRow, ObtainedView } from "../../../model/api/mod.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange, useRead } from "../api/queries.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { formatDay, formatMoment } from "./format.ts";
import { RevokeObtained } from "./obtained-revoke.tsx";
import { StateBadge } from "./state-badge.tsx";
import { useToast } from "./toast.tsx";

const REFRESH_MS = 10_000;
/** Of a whole network there may be thousands: the command line lists them all. */
const SHOWN_MAX = 100;

/** Names whose certificates the network obtains by itself; nothing where it obtains none. */
export function Obtained(props: { customer: string }) {
  const { customer } = props;
  const obtained = useRead("listObtained", { params: { customer } }, { refreshMs: REFRESH_MS });
  return <ObtainedTable view={obtained.data} />;
}

/** The network's own, and what failed of anybody's. */
export function NetworkObtained() {
  const obtained = useRead("listNetworkObtained", {}, { refreshMs: REFRESH_MS });
  const { directory = null, names = [] } = obtained.data ?? {};
  const shown = names.filter((row) => row.customer === null || row.state === "failed");
  return <ObtainedTable view={{ directory, names: shown.slice(0, SHOWN_MAX) }} />;
}

function ObtainedTable(props: { view: ObtainedView | undefined }) {
  const [own, theirs] = [useChange("renewNetworkObtained"), useChange("renewObtained")];
  const toast = useToast();
  const mayEdit = useMayEdit();
  const [revoking, setRevoking] = useState<ObtainedRow | null>(null);
  const { directory = null, names = [] } = props.view ?? {};
  if (directory === null || names.length === 0) return null;
  function again({ host, customer }: ObtainedRow): void {
    const done = {
      onSuccess: () => toast(`${host} is ordered in a moment`),
      onError: (error: Error) => toast(error.message, { bad: true }),
    };
    if (customer === null) own.mutate({ params: { host } }, done);
    else theirs.mutate({ params: { customer, host } }, done);
  }
  return (
    <Stack gap="sm">
      <Title order={2}>Obtained by themselves</Title>
      <Text c="dimmed">
        The network orders these from {new URL(directory).host}, and renews them in time.
      </Text>
      <DataTable
        label="Certificates obtained by themselves"
        columns={mayEdit ? [...COLUMNS, actionsOf(again, setRevoking)] : COLUMNS}
        rows={names}
        rowKey={(row) => row.host}
      />
      <RevokeObtained row={revoking} onClose={() => setRevoking(null)} />
    </Stack>
  );
}

const COLUMNS: readonly Column<ObtainedRow>[] = [
  { head: "Name", title: true, cell: (row) => <span className="tp-break">{row.host}</span> },
  {
    head: "State",
    prose: true,
    cell: (row) => (
      <Stack gap={2}>
        <StateBadge state={row.state} />
        <Words row={row} />
      </Stack>
    ),
  },
  { head: "Ends", cell: (row) => (row.notAfter === null ? "–" : formatDay(row.notAfter)) },
  {
    head: "Next",
    cell: (row) => (row.nextAt === null ? "–" : formatMoment(Date.parse(row.nextAt))),
  },
];

function actionsOf(
  again: (row: ObtainedRow) => void,
  revoke: (row: ObtainedRow) => void,
): Column<ObtainedRow> {
  return {
    head: "Actions",
    quiet: true,
    align: "right",
    cell: (row) => (
      <Group gap="xs" justify="flex-end">
        {row.state !== "ordering" && row.state !== "own" && (
          <Button variant="default" size="compact-sm" onClick={() => again(row)}>
            Order now<span className="tp-hidden"> {row.host}</span>
          </Button>
        )}
        {row.notAfter !== null && (
          <Button variant="default" size="compact-sm" onClick={() => revoke(row)}>
            Revoke<span className="tp-hidden"> {row.host}</span>
          </Button>
        )}
      </Group>
    ),
  };
}

function Words({ row }: { row: ObtainedRow }) {
  const { state, cname } = row;
  if (row.alarm === true) {
    return (
      <Alert color="red" title="It ends soon, and no other comes" className="tp-break">
        {row.problem}
      </Alert>
    );
  }
  const plain = state === "own" ? "A certificate of yours is shown" : row.step || row.problem;
  const isHelped = state === "failed" && cname != null;
  const more = isHelped ? ` It can also be shown by ${cname.name} CNAME ${cname.target}` : "";
  const words = `${plain ?? ""}${more}`;
  if (words === "") return null;
  return (
    <Text size="xs" c="dimmed" className="tp-break">
      {words}
    </Text>
  );
}

/** Beside a site's host form: that it has no certificate yet, and what to use meanwhile. */
export function HostFormNote(props: { customer: string; host: string }) {
  const { customer, host } = props;
  const obtained = useRead("listObtained", { params: { customer } }, { refreshMs: REFRESH_MS });
  const row = obtained.data?.names.find((one) => one.host === host);
  if (row === undefined || row.notAfter !== null || row.state === "own") return null;
  return (
    <Alert color="gray" title="The host form has no certificate yet">
      Use the path form over HTTPS until it has. {row.problem ?? "It is ordered by itself."}
    </Alert>
  );
}
