import { Button, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { CertificateRow } from "../../../model/api/mod.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange, useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { CertificateForm } from "../parts/certificate-form.tsx";
import { Confirm } from "../parts/confirm.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { formatDay } from "../parts/format.ts";
import { Obtained } from "../parts/obtained.tsx";
import { Page } from "../parts/page.tsx";
import { StateBadge } from "../parts/state-badge.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { useToast } from "../parts/toast.tsx";

const REFRESH_MS = 10_000;

export function CertificatesPage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const ask = { params: { customer } };
  const certificates = useRead("listCertificates", ask, { refreshMs: REFRESH_MS });
  const [adding, setAdding] = useState(false);
  const [asking, setAsking] = useState<CertificateRow | null>(null);
  const mayEdit = useMayEdit();
  const add = mayEdit && !adding && (
    <Button onClick={() => setAdding(true)}>Add a certificate</Button>
  );
  const some = (certificates.data?.length ?? 0) > 0;
  return (
    <Page
      title="Certificates"
      words="What caches show for your sites over HTTPS"
      actions={some ? add : undefined}
    >
      {adding && <CertificateForm customer={customer} onClose={() => setAdding(false)} />}
      <Loaded query={certificates}>
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
              A site whose own address leads to caches needs one for its host name, and so does each
              other name of yours that leads there. The shared address needs none.
            </Empty>
          )
        }
      </Loaded>
      <Obtained customer={customer} />
      <Removal customer={customer} row={asking} onClose={() => setAsking(null)} />
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
            {row.daysLeft < 0 ? `${-row.daysLeft} days ago` : `${row.daysLeft} days`})
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

function Removal(props: { customer: string; row: CertificateRow | null; onClose: () => void }) {
  const { customer, row } = props;
  const remove = useChange("deleteCertificate");
  const toast = useToast();
  return (
    <Confirm
      open={row !== null}
      title={`Remove the certificate ${row?.name ?? ""}?`}
      verb="Remove certificate"
      busy={remove.isPending}
      onClose={props.onClose}
      onConfirm={() =>
        row !== null &&
        remove.mutate(
          { params: { customer, name: row.name } },
          {
            onSuccess: () => toast(`${row.name} is removed`),
            onError: (error) => toast(error.message, { bad: true }),
            onSettled: props.onClose,
          },
        )
      }
    >
      <Text>
        Within a minute no cache shows it. Names that have no other are then answered with a
        certificate that is not theirs, which browsers refuse.
      </Text>
    </Confirm>
  );
}
