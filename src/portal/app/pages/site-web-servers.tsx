import { Anchor, Button, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { OriginLive } from "../../../model/api/mod.ts";
import { useMayEdit } from "../api/lives.ts";
import { useRead } from "../api/queries.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Evidence } from "../parts/evidence.tsx";
import { formatRate } from "../parts/format.ts";
import { SiteFetchCard } from "../parts/site-fetch.tsx";
import { SplitCell } from "../parts/split-cell.tsx";
import { LoadBar, StateBadge } from "../parts/state-badge.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { WebServerForm } from "../parts/web-server-form.tsx";
import { WebServerMenu } from "../parts/web-server-menu.tsx";
import { WeightCell } from "../parts/weight-cell.tsx";
import { Link } from "../router.tsx";
import { pathOf } from "../routes.ts";
import type { SiteTabProps } from "./site.tsx";

/** What the form at the top is for: nothing, a new web server, or a change to one. */
type Form = { readonly kind: "none" } | { readonly kind: "add" | "change"; readonly name: string };

export function WebServersTab(props: SiteTabProps) {
  const { customer, view } = props;
  const hostname = view.site.hostname;
  const live = useRead("readLive", { params: { customer, hostname } });
  const mayEdit = useMayEdit();
  const [form, setForm] = useState<Form>({ kind: "none" });
  const add = mayEdit && form.kind === "none" && (
    <Button onClick={() => setForm({ kind: "add", name: "" })}>Add web server</Button>
  );
  return (
    <Stack>
      {form.kind !== "none" && (
        <WebServerForm
          key={form.name}
          customer={customer}
          site={view.site}
          change={form.kind === "change" ? form.name : null}
          onClose={() => setForm({ kind: "none" })}
        />
      )}
      <Loaded query={live} bars={[56, 56, 56]}>
        {(data) => (
          <>
            {data.origins.length > 0 && (
              <Group justify="space-between">
                <Text c="dimmed" size="sm">
                  {formatRate(data.lookupsPerSec, "lookups")}, steered by{" "}
                  {view.site.steering.preset}
                  {data.held !== null && ` · held: ${data.held}`} ·{" "}
                  <Anchor
                    component={Link}
                    inherit
                    underline="always"
                    href={pathOf("siteTab", { customer, hostname, tab: "steering" })}
                  >
                    Which one would a client get?
                  </Anchor>
                </Text>
                {add}
              </Group>
            )}
            {data.origins.length === 0 && form.kind === "none" ? (
              <Empty title="No web server yet" action={add}>
                Add the servers that mirror {hostname}. Each is checked from several places, and
                users are sent to the least loaded.
              </Empty>
            ) : (
              data.origins.length > 0 && (
                <DataTable
                  label="Web servers of this site"
                  columns={columnsOf(props, mayEdit, setForm)}
                  rows={data.origins}
                  rowKey={(origin) => origin.name}
                />
              )
            )}
          </>
        )}
      </Loaded>
      <SiteFetchCard customer={customer} view={view} hedges={live.data?.hedges} />
    </Stack>
  );
}

function columnsOf(
  props: SiteTabProps,
  mayEdit: boolean,
  setForm: (form: Form) => void,
): readonly Column<OriginLive>[] {
  const { customer, view } = props;
  const hostname = view.site.hostname;
  const columns: Column<OriginLive>[] = [
    {
      head: "Server",
      title: true,
      cell: (origin) => <ServerCell params={{ customer, hostname, server: origin.name }} />,
    },
    {
      head: "Address",
      cell: (origin) => <AddressCell origin={origin} />,
    },
    {
      head: "State",
      cell: (origin) => (
        <>
          <StateBadge state={origin.state} forced={origin.forced} untilMs={origin.forcedUntilMs} />
          <Evidence target={origin} />
        </>
      ),
    },
    {
      head: "Load",
      cell: (origin) => (
        <LoadBar load={origin.load} known={origin.loadKnown} from={origin.loadFrom} />
      ),
    },
    { head: "Lookups", align: "right", cell: (origin) => formatRate(origin.lookupsPerSec) },
    { head: "Share", cell: (origin) => <SplitCell origin={origin} /> },
    {
      head: "Weight",
      align: "right",
      cell: (origin) =>
        mayEdit ? (
          <WeightCell customer={customer} hostname={hostname} origin={origin} />
        ) : (
          String(origin.weight)
        ),
    },
  ];
  if (mayEdit) {
    columns.push({
      head: "Actions",
      quiet: true,
      align: "right",
      cell: (origin) => (
        <WebServerMenu
          customer={customer}
          hostname={hostname}
          origin={origin}
          onChange={() => setForm({ kind: "change", name: origin.name })}
        />
      ),
    });
  }
  return columns;
}

function AddressCell({ origin }: { origin: OriginLive }) {
  return (
    <div className="tp-address">
      {origin.host !== undefined && <div>{origin.host}</div>}
      {origin.v4 !== null && <div>{origin.v4}</div>}
      {origin.v6 !== null && <div>{origin.v6}</div>}
      <div className="tp-small">port {origin.port}</div>
      {origin.hostProblem != null && (
        <Text c="red" size="sm">
          The name: {origin.hostProblem}
        </Text>
      )}
    </div>
  );
}

function ServerCell(props: { params: { customer: string; hostname: string; server: string } }) {
  const { server } = props.params;
  return (
    <div className="tp-server">
      {server}
      <Link
        className="tp-who-link"
        href={pathOf("originWho", props.params)}
        aria-label={`Who gets ${server}`}
      >
        Who gets it
      </Link>
    </div>
  );
}
