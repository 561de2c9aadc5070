import { NativeSelect, Stack } from "@mantine/core";
import { useState } from "react";
import type { UsageRow } from "../../../model/api/mod.ts";
import { useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { formatBytes, formatExact, formatMonth, formatPercent } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { Stats } from "../parts/stats.tsx";

const MONTHS_SHOWN = 12;
const REFRESH_MS = 5000;

interface Sum {
  readonly site: string;
  readonly requests: number;
  readonly hits: number;
  readonly bytesOut: number;
  readonly bytesIn: number;
  readonly queries: number;
}

export function UsagePage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const months = lastMonths(new Date());
  const [month, setMonth] = useState(months[0]?.value ?? "");
  const span = months.find((one) => one.value === month) ?? months[0];
  const usage = useRead(
    "readUsage",
    { params: { customer }, query: { from: span?.from, to: span?.to } },
    { refreshMs: REFRESH_MS },
  );
  return (
    <Page
      title="Usage"
      words="What was metered, as it goes into the invoice"
      actions={
        <NativeSelect
          label="Month (UTC)"
          value={month}
          onChange={(e) => setMonth(e.currentTarget.value)}
          data={months.map(({ value, label }) => ({ value, label }))}
        />
      }
    >
      <Loaded query={usage} bars={[72, 200]}>
        {(rows) => <Tables sums={sumBySite(rows)} running={span?.value === months[0]?.value} />}
      </Loaded>
    </Page>
  );
}

function Tables(props: { sums: readonly Sum[]; running: boolean }) {
  if (props.sums.length === 0) {
    return (
      <Empty title="Nothing was metered in this month">
        {props.running
          ? "Requests and bytes at caches, and lookups, appear here within seconds."
          : "No request came to a cache and no lookup to a name server. Another month may have some."}
      </Empty>
    );
  }
  const all = props.sums.reduce((a, b) => add(a, b), NOTHING);
  return (
    <Stack>
      <Stats
        list={[
          { label: "Requests", value: formatExact(all.requests) },
          { label: "Hit ratio", value: ratio(all) },
          { label: "Sent to users", value: formatBytes(all.bytesOut) },
          { label: "Fetched from web servers", value: formatBytes(all.bytesIn) },
          { label: "Lookups", value: formatExact(all.queries) },
        ]}
      />
      <DataTable
        label="Usage per site"
        columns={COLUMNS}
        rows={props.sums}
        rowKey={(sum) => sum.site}
      />
    </Stack>
  );
}

const COLUMNS: readonly Column<Sum>[] = [
  { head: "Site", title: true, cell: (sum) => sum.site },
  { head: "Requests", align: "right", cell: (sum) => formatExact(sum.requests) },
  { head: "Hit ratio", align: "right", cell: ratio },
  { head: "Sent to users", align: "right", cell: (sum) => formatBytes(sum.bytesOut) },
  { head: "Fetched from web servers", align: "right", cell: (sum) => formatBytes(sum.bytesIn) },
  { head: "Lookups", align: "right", cell: (sum) => formatExact(sum.queries) },
];

const NOTHING: Sum = { site: "", requests: 0, hits: 0, bytesOut: 0, bytesIn: 0, queries: 0 };

function ratio(sum: Sum): string {
  return formatPercent(sum.requests === 0 ? null : sum.hits / sum.requests);
}

function add(a: Sum, b: Omit<Sum, "site">): Sum {
  return {
    site: a.site,
    requests: a.requests + b.requests,
    hits: a.hits + b.hits,
    bytesOut: a.bytesOut + b.bytesOut,
    bytesIn: a.bytesIn + b.bytesIn,
    queries: a.queries + b.queries,
  };
}

function sumBySite(rows: readonly UsageRow[]): readonly Sum[] {
  const sums = new Map<string, Sum>();
  for (const row of rows) {
    sums.set(row.site, add(sums.get(row.site) ?? { ...NOTHING, site: row.site }, row));
  }
  return [...sums.values()].sort((a, b) => a.site.localeCompare(b.site));
}

/** Calendar months in UTC, as invoices have them; `to` is the next month's beginning. */
function lastMonths(now: Date) {
  return Array.from({ length: MONTHS_SHOWN }, (_, back) => {
    const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1));
    const to = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back + 1, 1));
    const value = from.toISOString().slice(0, 7);
    return {
      value,
      label: back === 0 ? `${formatMonth(value)}, so far` : formatMonth(value),
      from: from.toISOString(),
      to: to.toISOString(),
    };
  });
}
