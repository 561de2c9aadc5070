import { Text, Title } from "@mantine/core";
import type { Simulated } from "../../../model/api/mod.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { formatLoad, formatMoney, formatNumber, formatPercent, formatRate } from "./format.ts";

type NameRow = Simulated["names"][number];
type ServerRow = Simulated["servers"][number];

const NAMES: readonly Column<NameRow>[] = [
  { head: "Name", title: true, cell: (row) => <span className="tp-break">{row.name}</span> },
  { head: "Lookups", align: "right", cell: (row) => formatRate(row.lookupsPerSec) },
  { head: "Clients moved", align: "right", cell: (row) => formatPercent(row.moved) },
];

const SERVERS: readonly Column<ServerRow>[] = [
  { head: "Server", title: true, cell: (row) => <span className="tp-break">{row.id}</span> },
  { head: "Lookups now", align: "right", cell: (row) => formatRate(row.before) },
  { head: "Then", align: "right", cell: (row) => formatRate(row.after) },
  { head: "Load now", align: "right", cell: (row) => loadOf(row.loadBefore) },
  { head: "Load then", align: "right", cell: (row) => loadOf(row.loadAfter) },
];

type CustomerRow = Simulated["customers"][number];

const CUSTOMERS: readonly Column<CustomerRow>[] = [
  {
    head: "Customer",
    title: true,
    cell: (row) => <span className="tp-break">{row.customer}</span>,
  },
  { head: "A month now", align: "right", cell: (row) => amountOf(row.before) },
  { head: "Then", align: "right", cell: (row) => amountOf(row.after) },
];

function amountOf(bill: CustomerRow["before"]): string {
  return bill === null ? "–" : formatMoney(bill.amount, bill.currency);
}

function loadOf(load: number | null): string {
  return load === null ? "–" : formatLoad(load);
}

/** What a draft would do to clients and servers, at the health of this moment. */
export function DraftFigures(props: { simulated: Simulated }) {
  const { demand, names, servers, customers, usageHours } = props.simulated;
  return (
    <>
      <div>
        <Title order={2}>What it would do to clients</Title>
        <Text c="dimmed">
          {demand === "recorded"
            ? "With the lookups of the last minutes, at the health of this moment."
            : "No lookups were recorded: with one a second for each site and client group."}
        </Text>
      </div>
      <DataTable label="Names" columns={NAMES} rows={names} rowKey={(row) => row.name} />
      <DataTable label="Servers" columns={SERVERS} rows={servers} rowKey={(row) => row.id} />
      <div>
        <Title order={2}>What customers would pay</Title>
        <Text c="dimmed">
          {usageHours === 0
            ? "Nothing was used yet: what is paid whatever is used."
            : `A month like the last ${usageHours === 1 ? "hour" : formatNumber(usageHours, "hour")}.`}
        </Text>
      </div>
      <DataTable
        label="Customers"
        columns={CUSTOMERS}
        rows={customers}
        rowKey={(row) => row.customer}
      />
    </>
  );
}
