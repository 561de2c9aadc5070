import { Anchor, Stack } from "@mantine/core";
import type { Invoice } from "../../../model/api/mod.ts";
import { useIsOperator } from "../api/lives.ts";
import { useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { formatDay, formatMoney, formatMonth } from "../parts/format.ts";
import { InvoiceIssue } from "../parts/invoice-issue.tsx";
import { Page } from "../parts/page.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { Link } from "../router.tsx";
import { pathOf } from "../routes.ts";

const REFRESH_MS = 10_000;

export function InvoicesPage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const invoices = useRead("listInvoices", { params: { customer } }, { refreshMs: REFRESH_MS });
  const operator = useIsOperator();
  return (
    <Page title="Invoices" words="Each can be recomputed from the usage ledger">
      <Loaded query={invoices}>
        {(list) => (
          <Stack>
            {operator && <InvoiceIssue customer={customer} />}
            {list.length === 0 ? (
              <Empty title="No invoice yet">
                The first one comes when the operator issues a month's invoice.
              </Empty>
            ) : (
              <DataTable
                label="Invoices"
                columns={columnsOf(customer)}
                rows={list}
                rowKey={(invoice) => invoice.id}
              />
            )}
          </Stack>
        )}
      </Loaded>
    </Page>
  );
}

function columnsOf(customer: string): readonly Column<Invoice>[] {
  return [
    {
      head: "Invoice",
      title: true,
      cell: (invoice) => (
        <Anchor component={Link} href={pathOf("invoice", { customer, id: invoice.id })}>
          {invoice.number}
        </Anchor>
      ),
    },
    { head: "Month", cell: (invoice) => formatMonth(invoice.period) },
    { head: "Plan", cell: (invoice) => invoice.plan },
    { head: "Issued", cell: (invoice) => formatDay(invoice.issuedAt) },
    { head: "State", cell: (invoice) => <InvoiceState invoice={invoice} /> },
    {
      head: "Total",
      align: "right",
      cell: (invoice) => formatMoney(invoice.total, invoice.currency),
    },
  ];
}

export function InvoiceState(props: { invoice: Invoice }) {
  const { state, paidAt } = props.invoice;
  return (
    <span className="tp-state" data-tone={state === "paid" ? "good" : "warn"}>
      <span className="tp-dot" aria-hidden="true" />
      {state === "paid" ? `Paid${paidAt === null ? "" : ` ${formatDay(paidAt)}`}` : "Open"}
    </span>
  );
}
