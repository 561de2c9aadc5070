import { Anchor } from "@mantine/core";
import type { CustomerRow } from "../../../model/api/mod.ts";
import { useRead } from "../api/queries.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Page } from "../parts/page.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { Link } from "../router.tsx";
import { pathOf } from "../routes.ts";

const REFRESH_MS = 5000;

const COLUMNS: readonly Column<CustomerRow>[] = [
  {
    head: "Customer",
    title: true,
    cell: (row) => (
      <Anchor component={Link} href={pathOf("sites", { customer: row.name })}>
        {row.title}
      </Anchor>
    ),
  },
  { head: "Plan", cell: (row) => row.plan },
  { head: "Sites", align: "right", cell: (row) => String(row.sites) },
  { head: "Web servers", align: "right", cell: (row) => String(row.origins) },
  {
    head: "Bills",
    cell: (row) => (
      <>
        <Anchor component={Link} href={pathOf("usage", { customer: row.name })}>
          Usage<span className="tp-hidden"> of {row.title}</span>
        </Anchor>
        {" · "}
        <Anchor component={Link} href={pathOf("invoices", { customer: row.name })}>
          Invoices<span className="tp-hidden"> of {row.title}</span>
        </Anchor>
      </>
    ),
  },
];

export function CustomersPage() {
  const customers = useRead("listCustomers", {}, { refreshMs: REFRESH_MS });
  return (
    <Page title="Customers" words="Who shares this network, and pays for it">
      <Loaded query={customers}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title="No customer yet">
              Customers come with the network file: add one there and run turnpike apply.
            </Empty>
          ) : (
            <DataTable label="Customers" columns={COLUMNS} rows={rows} rowKey={(row) => row.name} />
          )
        }
      </Loaded>
    </Page>
  );
}
