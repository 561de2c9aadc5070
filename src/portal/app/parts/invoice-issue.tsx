import { Button, Group, NativeSelect, Paper, Stack, Text, Title } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import type { BillingMonth } from "../../../model/api/mod.ts";
import { useChange, useRead } from "../api/queries.ts";
import { go } from "../router.tsx";
import { pathOf } from "../routes.ts";
import { sortProblems } from "./field-problems.ts";
import { useSentFocus } from "./focus.ts";
import { formatMonth } from "./format.ts";
import { FormAlert, Loaded } from "./states.tsx";

const REFRESH_MS = 10_000;

/** For the operator: the invoice of one month, or of the running one as far as it went. */
export function InvoiceIssue(props: { customer: string }) {
  const { customer } = props;
  const ask = { params: { customer } };
  const months = useRead("listBillingMonths", ask, { refreshMs: REFRESH_MS });
  return (
    <Loaded query={months} bars={[140]}>
      {(list) => <IssueForm customer={customer} months={list} />}
    </Loaded>
  );
}

function IssueForm(props: { customer: string; months: readonly BillingMonth[] }) {
  const { customer, months } = props;
  const [picked, setPicked] = useState<string | null>(null);
  const issue = useChange("createInvoice");
  const button = useRef<HTMLButtonElement>(null);
  useSentFocus(button, issue.isPending);
  const chosen = months.find((one) => one.month === picked && isOpen(one)) ?? firstOf(months);
  function submit(event: FormEvent): void {
    event.preventDefault();
    if (chosen === undefined) return;
    const upTo = chosen.standing === "running" ? ({ upTo: "now" } as const) : {};
    issue.mutate(
      { params: { customer }, body: { period: chosen.month, ...upTo } },
      { onSuccess: (made) => go(pathOf("invoice", { customer, id: made.id })) },
    );
  }
  const problems = sortProblems(issue.error, { period: ["period", "upTo"] });
  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack>
        <Title order={2}>Issue an invoice</Title>
        <FormAlert words={problems.rest} />
        <Group align="flex-start">
          <NativeSelect
            label="Month (UTC)"
            value={chosen?.month ?? ""}
            onChange={(e) => setPicked(e.currentTarget.value)}
            data={months.map((one) => ({
              value: one.month,
              label: labelOf(one),
              disabled: !isOpen(one),
            }))}
            error={problems.fields.period}
          />
          <Button
            type="submit"
            ref={button}
            loading={issue.isPending}
            disabled={chosen === undefined}
            className="tp-beside"
          >
            {chosen?.standing === "running" ? "Issue up to now" : "Issue"}
          </Button>
        </Group>
        {wordsOf(months, chosen).map((words) => (
          <Text key={words} size="sm" c="dimmed">
            {words}
          </Text>
        ))}
      </Stack>
    </Paper>
  );
}

function isOpen({ standing }: BillingMonth): boolean {
  return standing === "over" || standing === "running";
}

/** A month that is over and was used and has no invoice; invoices go forward in time: the oldest of them. */
function isDue({ standing, metered }: BillingMonth): boolean {
  return standing === "over" && metered;
}

function firstOf(months: readonly BillingMonth[]): BillingMonth | undefined {
  return months.findLast(isDue) ?? months.find(isOpen);
}

function labelOf({ month, standing, metered }: BillingMonth): string {
  const name = formatMonth(month);
  if (standing === "running") return `${name}, not over yet`;
  if (standing === "billed") return `${name}: billed`;
  if (standing === "passed") return `${name}: billed with a later one`;
  return metered ? name : `${name}: nothing metered`;
}

/** What is good to know before an invoice is issued, for it is never changed after. */
function wordsOf(months: readonly BillingMonth[], chosen: BillingMonth | undefined): string[] {
  if (chosen === undefined) return [];
  const words: string[] = [];
  if (!months.some((one) => one.metered || one.invoices.length > 0)) {
    words.push("Nothing was metered for this customer yet: there may be a fee to bill.");
  }
  if (chosen.standing === "running") {
    words.push("It is billed up to now; the rest of it comes with the next invoice.");
  }
  const left = months.filter((one) => isDue(one) && one.month < chosen.month);
  if (left.length > 0) {
    const names = left.map((one) => formatMonth(one.month)).reverse();
    const which = names.join(", ");
    words.push(
      `Not billed before it: ${which}. What was used then goes onto this invoice, a fee of then onto none.`,
    );
  }
  return words;
}
