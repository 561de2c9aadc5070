import { Button, Group, Paper, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Invoice } from "../../../model/api/mod.ts";
import { call } from "../api/client.ts";
import { useIsOperator } from "../api/lives.ts";
import { useChange, useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { Confirm } from "../parts/confirm.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import {
  formatDay,
  formatDecimal,
  formatMoment,
  formatMoney,
  formatMonth,
  formatNumber,
} from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { FormAlert, Loaded } from "../parts/states.tsx";
import { Stats } from "../parts/stats.tsx";
import { useToast } from "../parts/toast.tsx";
import { pathOf } from "../routes.ts";
import { InvoiceState } from "./invoices.tsx";

const REFRESH_MS = 10_000;

export function InvoicePage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const id = props.params.id ?? "";
  const invoice = useRead("readInvoice", { params: { id } }, { refreshMs: REFRESH_MS });
  return (
    <Page
      title={invoice.data === undefined ? "Invoice" : `Invoice ${invoice.data.number}`}
      up={{ label: "Invoices", href: pathOf("invoices", { customer }) }}
      words={invoice.data && <InvoiceState invoice={invoice.data} />}
      actions={invoice.data && <Actions invoice={invoice.data} />}
    >
      <Loaded query={invoice} bars={[72, 240]}>
        {(data) => (
          <Stack>
            <Stats
              list={[
                { label: "Customer", value: data.customer },
                { label: "Month", value: formatMonth(data.period) },
                { label: "Issued", value: formatDay(data.issuedAt) },
                { label: "Total", value: formatMoney(data.total, data.currency) },
              ]}
            />
            <DataTable
              label="Lines"
              columns={columnsOf(data.currency)}
              rows={data.lines.map((line, i) => ({ ...line, key: `${i} ${line.text}` }))}
              rowKey={(line) => line.key}
            />
            <Paper className="tp-card" p="md">
              <Group justify="space-between">
                <Text fw={650}>Total</Text>
                <Text fw={650} className="tp-num">
                  {formatMoney(data.total, data.currency)}
                </Text>
              </Group>
            </Paper>
            <Recompute invoice={data} />
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

/** Anybody may have the bill computed again from what was metered. */
function Recompute(props: { invoice: Invoice }) {
  const { invoice } = props;
  const check = useQuery({
    queryKey: ["checkInvoice", invoice.id],
    queryFn: () => call("checkInvoice", { params: { id: invoice.id } }),
    enabled: false,
    retry: false,
  });
  return (
    <Paper className="tp-card tp-no-print" p="md" component="section">
      <Group justify="space-between">
        <div aria-live="polite">
          {check.data === undefined && !check.isError && (
            <Text c="dimmed" size="sm">
              Up to batch {invoice.covers.upToBatch} of the usage ledger,{" "}
              {formatMoment(invoice.covers.upToAt)}
            </Text>
          )}
          {check.isError && <Text c="var(--mantine-color-error)">{check.error.message}</Text>}
          {check.data?.equal === true && (
            <span className="tp-state" data-tone="good">
              <span className="tp-dot" aria-hidden="true" />
              The same again: {formatMoney(check.data.total, invoice.currency)} from{" "}
              {formatNumber(check.data.batches, "batch", "batches")}
            </span>
          )}
          {check.data?.equal === false && (
            <FormAlert words={["It comes out differently", ...check.data.differences]} />
          )}
        </div>
        <Button variant="default" loading={check.isFetching} onClick={() => void check.refetch()}>
          Compute it again
        </Button>
      </Group>
    </Paper>
  );
}

function columnsOf(currency: string): readonly Column<Invoice["lines"][number]>[] {
  return [
    {
      head: "For",
      title: true,
      cell: (line) => (
        <div className="tp-wrap">
          {line.text}
          {line.from !== undefined && (
            <Text size="sm" c="dimmed" fw={400}>
              {line.from}
            </Text>
          )}
        </div>
      ),
    },
    {
      head: "Quantity",
      align: "right",
      cell: (line) => `${formatDecimal(line.quantity)} ${line.unit}`,
    },
    { head: "Price", align: "right", cell: (line) => formatMoney(line.unitPrice, currency) },
    { head: "Amount", align: "right", cell: (line) => formatMoney(line.amount, currency) },
  ];
}

function Actions(props: { invoice: Invoice }) {
  const { invoice } = props;
  const [asking, setAsking] = useState(false);
  const pay = useChange("payInvoice");
  const toast = useToast();
  const operator = useIsOperator();
  return (
    <Group className="tp-no-print">
      <Button variant="default" onClick={() => window.print()}>
        Print
      </Button>
      {operator && invoice.state === "open" && (
        <Button onClick={() => setAsking(true)}>Mark as paid</Button>
      )}
      <Confirm
        open={asking}
        title={`Mark invoice ${invoice.number} as paid?`}
        verb="Mark as paid"
        tone="plain"
        busy={pay.isPending}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          pay.mutate(
            { params: { id: invoice.id } },
            {
              onSuccess: () => toast(`Invoice ${invoice.number} is paid`),
              onError: (error) => toast(error.message, { bad: true }),
              onSettled: () => setAsking(false),
            },
          )
        }
      >
        <Text>
          {formatMoney(invoice.total, invoice.currency)} from {invoice.customer} has arrived.
        </Text>
      </Confirm>
    </Group>
  );
}
