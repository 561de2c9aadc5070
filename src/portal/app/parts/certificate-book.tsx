import { Button, Stack, Text } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import type { CertificateRow } from "../../../model/api/mod.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange } from "../api/queries.ts";
import { CertificateForm, type Owner } from "./certificate-form.tsx";
import { type Column, DataTable } from "./data-table.tsx";
import { formatDay, formatNumber } from "./format.ts";
import { Page } from "./page.tsx";
import { Removal } from "./removal.tsx";
import { StateBadge } from "./state-badge.tsx";
import { Empty, Loaded } from "./states.tsx";

/** A page of certificates: each with its state, a way to add one and to remove one. */
export function CertificateBook(props: {
  customer: Owner;
  query: UseQueryResult<CertificateRow[]>;
  words: string;
  /** Said where there is none. */
  empty: string;
  children?: ReactNode;
}) {
  const { customer, query } = props;
  const [adding, setAdding] = useState(false);
  const [asking, setAsking] = useState<CertificateRow | null>(null);
  const mayEdit = useMayEdit();
  const add = mayEdit && !adding && (
    <Button onClick={() => setAdding(true)}>Add a certificate</Button>
  );
  const some = (query.data?.length ?? 0) > 0;
  return (
    <Page title="Certificates" words={props.words} actions={some ? add : undefined}>
      {adding && <CertificateForm customer={customer} onClose={() => setAdding(false)} />}
      <Loaded query={query}>
        {(rows) =>
          rows.length > 0 ? (
            <DataTable
              label="Certificates"
              columns={columnsOf(mayEdit ? setAsking : null)}
              rows={rows}
              rowKey={(row) => row.name}
            />
          ) : adding ? null : (
            <Empty title="No certificate yet" action={add}>
              {props.empty}
            </Empty>
          )
        }
      </Loaded>
      {props.children}
      <CertificateRemoval customer={customer} row={asking} onClose={() => setAsking(null)} />
    </Page>
  );
}

function columnsOf(ask: ((row: CertificateRow) => void) | null): readonly Column<CertificateRow>[] {
  const columns: readonly Column<CertificateRow>[] = [
    {
      head: "Certificate",
      title: true,
      cell: (row) => <span className="tp-break">{row.name}</span>,
    },
    { head: "State", cell: (row) => <StateBadge state={row.state} /> },
    {
      head: "Shown for",
      cell: (row) => (
        <span className="tp-break tp-names">{row.answers.join(", ") || "nothing"}</span>
      ),
    },
    { head: "Issuer", cell: (row) => <span className="tp-break">{row.issuer}</span> },
    {
      head: "Ends",
      cell: (row) => (
        <Stack gap={2}>
          <span>
            {formatDay(row.notAfter)} (
            {row.daysLeft < 0
              ? `${formatNumber(-row.daysLeft, "day")} ago`
              : formatNumber(row.daysLeft, "day")}
            )
          </span>
          {row.warnings.map((words) => (
            <Text key={words} size="xs" c="dimmed" className="tp-break">
              {words}
            </Text>
          ))}
        </Stack>
      ),
    },
  ];
  if (ask === null) return columns;
  const actions: Column<CertificateRow> = {
    head: "Actions",
    quiet: true,
    align: "right",
    cell: (row) =>
      row.kind === "uploaded" && (
        <Button variant="default" size="compact-sm" onClick={() => ask(row)}>
          Remove<span className="tp-hidden"> {row.name}</span>
        </Button>
      ),
  };
  return [...columns, actions];
}

function CertificateRemoval(props: {
  customer: Owner;
  row: CertificateRow | null;
  onClose: () => void;
}) {
  const { customer, row, onClose } = props;
  const [own, theirs] = [useChange("deleteNetworkCertificate"), useChange("deleteCertificate")];
  return (
    <Removal
      kind="certificate"
      name={row?.name ?? null}
      busy={own.isPending || theirs.isPending}
      onClose={onClose}
      remove={(name, end) =>
        customer === null
          ? own.mutate({ params: { name } }, end)
          : theirs.mutate({ params: { customer, name } }, end)
      }
    >
      <Text>
        Within a minute no cache shows it. Names that have no other are then answered with a
        certificate that is not theirs, which browsers refuse.
      </Text>
    </Removal>
  );
}
