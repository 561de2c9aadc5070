import { Anchor, Button, Group, NativeSelect, Paper, Stack, TextInput, Title } from "@mantine/core";
import { type FormEvent, useRef } from "react";
import type { Invoice } from "../../../model/api/mod.ts";
import { useIsOperator } from "../api/lives.ts";
import { useChange, useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { sortProblems } from "../parts/field-problems.ts";
import { useSentFocus } from "../parts/focus.ts";
import { formatDay, formatMoney, formatMonth } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { Empty, FormAlert, Loaded } from "../parts/states.tsx";
import { useTexts } from "../parts/use-texts.ts";
import { go, Link } from "../router.tsx";
import { pathOf } from "../routes.ts";

const REFRESH_MS = 10_000;

export function InvoicesPage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const invoices = useRead("listInvoices", { params: { customer } }, { refreshMs: REFRESH_MS });
  const operator = useIsOperator();
  return (
    <Page title="Invoices" words="Each can be recomputed from the usage ledger">
      {operator && <Issue customer={customer} />}
      <Loaded query={invoices}>
        {(list) =>
          list.length === 0 ? (
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
          )
        }
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

/** For the operator: the invoice of one month, or of the running one as far as it went. */
function Issue(props: { customer: string }) {
  const { customer } = props;
  const running = new Date().toISOString().slice(0, 7);
  const { texts, field } = useTexts({ period: running, upTo: "now" });
  const issue = useChange("createInvoice");
  const button = useRef<HTMLButtonElement>(null);
  useSentFocus(button, issue.isPending);
  const partly = texts.period.trim() === running;
  function submit(event: FormEvent): void {
    event.preventDefault();
    const upTo = partly && texts.upTo === "now" ? ({ upTo: "now" } as const) : {};
    issue.mutate(
      { params: { customer }, body: { period: texts.period.trim(), ...upTo } },
      { onSuccess: (made) => go(pathOf("invoice", { customer, id: made.id })) },
    );
  }
  const problems = sortProblems(issue.error, { period: ["period"], upTo: ["upTo"] });
  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack>
        <Title order={2}>Issue an invoice</Title>
        <FormAlert words={problems.rest} />
        <Group align="flex-start">
          <TextInput
            label="Month"
            placeholder="2026-11"
            {...field("period", problems.fields.period)}
          />
          {partly && (
            <NativeSelect
              label="It is not over yet"
              data={[
                { value: "now", label: "Bill it up to now" },
                { value: "end", label: "Wait until it is over" },
              ]}
              {...field("upTo", problems.fields.upTo)}
            />
          )}
          <Button type="submit" ref={button} loading={issue.isPending} className="tp-beside">
            Issue
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}
