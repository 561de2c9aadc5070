import { Anchor, Button, Text } from "@mantine/core";
import type { Live, SiteView } from "../../../model/api/mod.ts";
import { useIsOperator, useLives, useMayEdit } from "../api/lives.ts";
import { useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { Claims } from "../parts/claims.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { formatBandwidth, formatPercent, formatRate } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { Link } from "../router.tsx";
import { pathOf } from "../routes.ts";

interface Row {
  readonly view: SiteView;
  readonly live: Live | undefined;
}

export function SitesPage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const sites = useRead("listSites", { params: { customer } });
  const mayEdit = useMayEdit();
  const add = mayEdit && (
    <Button component={Link} href={pathOf("siteAdd", { customer })}>
      Add a site
    </Button>
  );
  const ofWhom = useIsOperator()
    ? { title: `Sites of ${customer}`, up: { label: "Customers", href: pathOf("customers") } }
    : { title: "Sites" };
  const some = (sites.data?.length ?? 0) > 0;
  return (
    <Page
      {...ofWhom}
      words="Host names, and what is decided for each"
      actions={some ? add : undefined}
    >
      <Claims customer={customer} />
      <Loaded query={sites}>
        {(list) =>
          list.length === 0 ? (
            <Empty title="No site yet" action={add}>
              A site is one host name of yours, such as www.shop.example, and the web servers that
              mirror it. Users are sent to the least loaded of them.
            </Empty>
          ) : (
            <SiteTable customer={customer} views={list} />
          )
        }
      </Loaded>
    </Page>
  );
}

function SiteTable(props: { customer: string; views: readonly SiteView[] }) {
  const { customer } = props;
  const lives = useLives(
    customer,
    props.views.map((view) => view.site.hostname),
  );
  const rows: Row[] = props.views.map((view, i) => ({ view, live: lives[i]?.data }));
  return (
    <DataTable
      label="Sites"
      columns={columnsOf(customer)}
      rows={rows}
      rowKey={(row) => row.view.site.hostname}
    />
  );
}

function columnsOf(customer: string): readonly Column<Row>[] {
  return [
    {
      head: "Site",
      title: true,
      cell: ({ view }) => (
        <Anchor
          component={Link}
          href={pathOf("site", { customer, hostname: view.site.hostname })}
          className="tp-break tp-wrap"
        >
          {view.site.hostname}
        </Anchor>
      ),
    },
    { head: "Web servers", cell: ({ view }) => <PoolHealth view={view} /> },
    {
      head: "Lookups",
      align: "right",
      cell: ({ live }) => (live === undefined ? "–" : formatRate(live.lookupsPerSec)),
    },
    {
      head: "Cache requests",
      align: "right",
      cell: ({ live }) => (live === undefined ? "–" : formatRate(live.edge.requestsPerSec)),
    },
    {
      head: "Hit ratio",
      align: "right",
      cell: ({ live }) => formatPercent(live?.edge.hitRatio ?? null),
    },
    {
      head: "From caches",
      align: "right",
      cell: ({ live }) => (live === undefined ? "–" : formatBandwidth(live.edge.bytesPerSec)),
    },
  ];
}

/** How many of a site's web servers are up, in words and a sign. */
export function PoolHealth(props: { view: SiteView }) {
  const all = props.view.site.origins.length;
  const up = props.view.up;
  if (all === 0) return <Text c="dimmed">None yet</Text>;
  const tone = up === all ? "good" : up === 0 ? "bad" : "warn";
  return (
    <span className="tp-state" data-tone={tone}>
      <span className="tp-dot" aria-hidden="true" />
      {up === all ? (all === 1 ? "1 up" : `All ${all} up`) : `${up} of ${all} up`}
    </span>
  );
}
