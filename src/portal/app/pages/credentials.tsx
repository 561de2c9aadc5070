import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { CredentialMade, CredentialRow } from "../../../model/api/mod.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange, useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { CacheAddresses } from "../parts/cache-addresses.tsx";
import { CopyLine } from "../parts/copy-line.tsx";
import { CredentialForm, KINDS } from "../parts/credential-form.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { formatDay } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { Removal } from "../parts/removal.tsx";
import { Empty, Loaded } from "../parts/states.tsx";

const REFRESH_MS = 10_000;

type Row = CredentialRow;
/** What the form is open for: a new one, or another in the place of one. */
type Editing = { readonly replaces: Row | null } | null;

export function CredentialsPage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const ask = { params: { customer } };
  const credentials = useRead("listCredentials", ask, { refreshMs: REFRESH_MS });
  const [editing, setEditing] = useState<Editing>(null);
  const [made, setMade] = useState<CredentialMade | null>(null);
  const [asking, setAsking] = useState<Row | null>(null);
  const mayEdit = useMayEdit();
  const add = mayEdit && editing === null && (
    <Button onClick={() => setEditing({ replaces: null })}>Add a credential</Button>
  );
  const some = (credentials.data?.length ?? 0) > 0;
  const acts = mayEdit
    ? { replace: (row: Row) => setEditing({ replaces: row }), remove: setAsking }
    : null;
  return (
    <Page
      title="Credentials"
      words="What caches show your web servers, so that they know them from everybody else"
      actions={some ? add : undefined}
    >
      {editing !== null && (
        <CredentialForm
          key={editing.replaces?.name ?? ""}
          customer={customer}
          replaces={editing.replaces}
          onMade={setMade}
          onClose={() => setEditing(null)}
        />
      )}
      {made?.value !== undefined && <Made made={{ name: made.name, value: made.value }} />}
      <Loaded query={credentials}>
        {(rows) => (
          <Stack gap="lg">
            {rows.length > 0 && (
              <DataTable
                label="Credentials"
                columns={columnsOf(acts)}
                rows={rows}
                rowKey={(row) => row.name}
              />
            )}
            {rows.length === 0 && editing === null && (
              <Empty title="No credential yet" action={add}>
                A secret that caches send in a field, a client certificate, or the key of a private
                bucket. Your sites name them where they say how caches fetch.
              </Empty>
            )}
            <CacheAddresses />
          </Stack>
        )}
      </Loaded>
      <CredentialRemoval customer={customer} row={asking} onClose={() => setAsking(null)} />
    </Page>
  );
}

function Made({ made }: { made: { readonly name: string; readonly value: string } }) {
  return (
    <Paper className="tp-card" p="lg" component="section" aria-label="New credential">
      <Stack gap="sm">
        <Title order={2}>Copy the value of {made.name} now: it is shown this once</Title>
        <CopyLine text={made.value} what="the value" />
      </Stack>
    </Paper>
  );
}

function columnsOf(
  acts: {
    readonly replace: (row: Row) => void;
    readonly remove: (row: Row) => void;
  } | null,
): readonly Column<Row>[] {
  const columns: readonly Column<Row>[] = [
    {
      head: "Credential",
      title: true,
      cell: (row) => <span className="tp-break">{row.name}</span>,
    },
    {
      head: "Kind",
      cell: (row) => (
        <Stack gap={2}>
          <span>{KINDS[row.kind]}</span>
          {row.about !== "" && (
            <Text size="xs" c="dimmed" className="tp-break">
              {row.about}
            </Text>
          )}
        </Stack>
      ),
    },
    { head: "In place since", cell: (row) => formatDay(row.madeAt) },
    {
      head: "Named by",
      cell: (row) => <span className="tp-break">{row.sites.join(", ") || "no site"}</span>,
    },
  ];
  if (acts === null) return columns;
  const actions: Column<Row> = {
    head: "Actions",
    quiet: true,
    align: "right",
    cell: (row) => (
      <Group gap="xs" justify="flex-end">
        <Button variant="default" size="compact-sm" onClick={() => acts.replace(row)}>
          Replace<span className="tp-hidden"> {row.name}</span>
        </Button>
        <Button variant="default" size="compact-sm" onClick={() => acts.remove(row)}>
          Remove<span className="tp-hidden"> {row.name}</span>
        </Button>
      </Group>
    ),
  };
  return [...columns, actions];
}

function CredentialRemoval(props: { customer: string; row: Row | null; onClose: () => void }) {
  const { customer, row, onClose } = props;
  const change = useChange("deleteCredential");
  return (
    <Removal
      kind="credential"
      name={row?.name ?? null}
      busy={change.isPending}
      onClose={onClose}
      remove={(name, end) => change.mutate({ params: { customer, name } }, end)}
    >
      <Text>
        {row !== null && row.sites.length > 0
          ? `Caches fetch nothing from the web servers of ${row.sites.join(", ")} any more, unless another one is named beside it.`
          : "No site names it."}
      </Text>
    </Removal>
  );
}
