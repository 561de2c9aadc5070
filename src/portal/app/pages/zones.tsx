import { Anchor, Button } from "@mantine/core";
import type { ZoneRow } from "../../../model/api/mod.ts";
import { useMayEdit } from "../api/lives.ts";
import { useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { Claims } from "../parts/claims.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Page } from "../parts/page.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { Link } from "../router.tsx";
import { pathOf } from "../routes.ts";

export function ZonesPage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const zones = useRead("listZones", { params: { customer } }, { refreshMs: false });
  const mayEdit = useMayEdit();
  const add = mayEdit && (
    <Button component={Link} href={pathOf("zoneAdd", { customer })}>
      Add a zone
    </Button>
  );
  const some = (zones.data?.length ?? 0) > 0;
  return (
    <Page
      title="Zones"
      words="DNS zones that our name servers hold for you, and their records"
      actions={some ? add : undefined}
    >
      <Claims customer={customer} />
      <Loaded query={zones}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title="No zone yet" action={add}>
              A zone is a domain of yours with all of its records, such as shop.example. You need
              none to steer a single host name.
            </Empty>
          ) : (
            <DataTable
              label="Zones"
              columns={columnsOf(customer)}
              rows={rows}
              rowKey={(row) => row.name}
            />
          )
        }
      </Loaded>
    </Page>
  );
}

function columnsOf(customer: string): readonly Column<ZoneRow>[] {
  return [
    {
      head: "Zone",
      title: true,
      cell: (row) => (
        <Anchor
          component={Link}
          href={pathOf("zone", { customer, zone: row.name })}
          className="tp-break tp-wrap"
        >
          {row.name}
        </Anchor>
      ),
    },
    {
      head: "Kind",
      cell: (row) => (row.kind === "hosted" ? "Held whole" : "One delegated host name"),
    },
    { head: "Records", align: "right", cell: (row) => String(row.records) },
  ];
}
