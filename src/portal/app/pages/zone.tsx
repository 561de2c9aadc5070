import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { ZoneView } from "../../../model/api/mod.ts";
import { call } from "../api/client.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange, useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { Confirm } from "../parts/confirm.tsx";
import { CopyLine } from "../parts/copy-line.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { formatNumber } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { RecordForm, type RecordSet } from "../parts/record-form.tsx";
import { ZoneSetUpState } from "../parts/set-up-state.tsx";
import { Empty, Loaded } from "../parts/states.tsx";
import { useToast } from "../parts/toast.tsx";
import { ZoneFileForm } from "../parts/zone-file-form.tsx";
import { go } from "../router.tsx";
import { pathOf } from "../routes.ts";

/** Seconds that a registrar's records commonly live. */
const TTL = 3600;

/** What the page is busy with besides showing the records. */
type Doing =
  | { readonly form: "record"; readonly set: RecordSet | null }
  | { readonly form: "file" };

export function ZonePage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const name = props.params.zone ?? "";
  const zone = useRead("readZone", { params: { customer, zone: name } }, { refreshMs: 10_000 });
  return (
    <Page
      title={name}
      up={{ label: "Zones", href: pathOf("zones", { customer }) }}
      words={
        zone.data?.kind === "delegated"
          ? "A delegated host name: records of other types beside the steered addresses"
          : undefined
      }
    >
      <Loaded query={zone}>{(view) => <ZoneBody view={view} />}</Loaded>
    </Page>
  );
}

function ZoneBody(props: { view: ZoneView }) {
  const { view } = props;
  const { customer, name: zone } = view;
  const [doing, setDoing] = useState<Doing | null>(null);
  const mayEdit = useMayEdit();
  const stop = () => setDoing(null);
  return (
    <Stack>
      {doing?.form === "record" && (
        <RecordForm
          key={doing.set === null ? "" : `${doing.set.name} ${doing.set.type}`}
          customer={customer}
          zone={zone}
          change={doing.set}
          onClose={stop}
        />
      )}
      {doing?.form === "file" && (
        <ZoneFileForm
          customer={customer}
          zone={zone}
          onDone={stop}
          onPending={stop}
          onCancel={stop}
        />
      )}
      {doing === null && (
        <Group>
          {mayEdit && (
            <>
              <Button onClick={() => setDoing({ form: "record", set: null })}>Add records</Button>
              <Button variant="default" onClick={() => setDoing({ form: "file" })}>
                Replace by a master file
              </Button>
            </>
          )}
          <Download view={view} />
        </Group>
      )}
      <Records view={view} onChange={mayEdit ? (set) => setDoing({ form: "record", set }) : null} />
      <Warnings view={view} />
      <ZoneSetUpState customer={customer} zone={zone} />
      <SetUp view={view} />
      {mayEdit && view.kind === "hosted" && <Remove view={view} />}
    </Stack>
  );
}

function setsOf(records: ZoneView["records"]): RecordSet[] {
  const sets = new Map<string, RecordSet & { readonly values: string[] }>();
  for (const { name, type, ttlSec, value } of records) {
    const key = `${name} ${type}`;
    const set = sets.get(key) ?? { name, type, ttlSec, values: [] };
    set.values.push(value);
    sets.set(key, set);
  }
  return [...sets.values()];
}

function Records(props: { view: ZoneView; onChange: ((set: RecordSet) => void) | null }) {
  const { view, onChange } = props;
  const { customer, name: zone } = view;
  const [asking, setAsking] = useState<RecordSet | null>(null);
  const remove = useChange("deleteRecords");
  const toast = useToast();
  if (view.records.length === 0) {
    return (
      <Empty title="No records yet">
        Host names that are steered need none here: they are sites. Mail, texts and the like do.
      </Empty>
    );
  }

  function confirm({ name, type }: RecordSet): void {
    remove.mutate(
      { params: { customer, zone, name, type } },
      {
        onSuccess: () => toast(`${type} of ${name} is removed`),
        onError: (error) => toast(error.message, { bad: true }),
        onSettled: () => setAsking(null),
      },
    );
  }

  return (
    <>
      <DataTable
        label="Records"
        columns={columnsOf(onChange, setAsking)}
        rows={setsOf(view.records)}
        rowKey={(set) => `${set.name} ${set.type}`}
      />
      <Confirm
        open={asking !== null}
        title={`Remove ${asking?.type ?? ""} of ${asking?.name ?? ""}?`}
        verb="Remove"
        busy={remove.isPending}
        onClose={() => setAsking(null)}
        onConfirm={() => asking !== null && confirm(asking)}
      >
        <Text>All of its values go. Resolvers may keep them for {asking?.ttlSec ?? 0} s more.</Text>
      </Confirm>
    </>
  );
}

function columnsOf(
  change: ((set: RecordSet) => void) | null,
  remove: (set: RecordSet) => void,
): readonly Column<RecordSet>[] {
  const columns: readonly Column<RecordSet>[] = [
    { head: "Name", title: true, cell: (set) => <span className="tp-break">{set.name}</span> },
    { head: "Type", cell: (set) => set.type },
    { head: "TTL", align: "right", cell: (set) => `${set.ttlSec} s` },
    {
      head: "Values",
      prose: true,
      cell: (set) => (
        <ul className="tp-values">
          {set.values.map((value) => (
            <li key={value} className="tp-mono tp-break">
              {value}
            </li>
          ))}
        </ul>
      ),
    },
  ];
  if (change === null) return columns;
  const actions: Column<RecordSet> = {
    head: "Actions",
    quiet: true,
    align: "right",
    cell: (set) => (
      <Group gap="xs" justify="flex-end" wrap="nowrap">
        <Button variant="default" size="compact-sm" onClick={() => change(set)}>
          Change<span className="tp-hidden"> {`${set.type} of ${set.name}`}</span>
        </Button>
        <Button variant="default" size="compact-sm" onClick={() => remove(set)}>
          Remove<span className="tp-hidden"> {`${set.type} of ${set.name}`}</span>
        </Button>
      </Group>
    ),
  };
  return [...columns, actions];
}

function Warnings(props: { view: ZoneView }) {
  const { warnings } = props.view;
  if (warnings.length === 0) return null;
  return (
    <Paper className="tp-card" p="lg" component="section">
      <Title order={2}>Allowed, and likely wrong</Title>
      <ul>
        {warnings.map(({ path, message }) => (
          <li key={`${path} ${message}`}>{message}</li>
        ))}
      </ul>
    </Paper>
  );
}

function Download(props: { view: ZoneView }) {
  const { customer, name: zone } = props.view;
  const [busy, setBusy] = useState(false);
  const toast = useToast();
  async function save(): Promise<void> {
    setBusy(true);
    try {
      const { text } = await call("readZoneText", { params: { customer, zone } });
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "text/dns" }));
      link.download = `${zone}.zone`;
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (error) {
      toast((error as Error).message, { bad: true });
    }
    setBusy(false);
  }
  return (
    <Button variant="default" loading={busy} onClick={() => void save()}>
      Save as a master file
    </Button>
  );
}

/** What the parent zone is to have: name servers, and DS where the zone is signed. */
function SetUp(props: { view: ZoneView }) {
  const { name, nameServers, signed } = props.view;
  return (
    <Paper className="tp-card" p="lg" component="section">
      <Stack>
        <Title order={2}>Put these records in the parent zone</Title>
        <Text>At the registrar of {name}, or in the zone above it, name these name servers.</Text>
        <CopyLine
          what="the NS records"
          text={nameServers.map((ns) => `${name}. ${TTL} IN NS ${ns}.`).join("\n")}
        />
        {signed && <Ds zone={name} />}
      </Stack>
    </Paper>
  );
}

function Ds(props: { zone: string }) {
  const keys = useRead("readZoneKeys", { params: { zone: props.zone } }, { refreshMs: false });
  return (
    <>
      <Text>
        The zone is signed. Resolvers validate it once its parent has this, and not before.
      </Text>
      <Loaded query={keys} bars={[48]}>
        {({ ds }) => <CopyLine what="the DS records" text={ds.join("\n")} />}
      </Loaded>
    </>
  );
}

function Remove(props: { view: ZoneView }) {
  const { customer, name: zone, records } = props.view;
  const [asking, setAsking] = useState(false);
  const remove = useChange("deleteZone");
  const toast = useToast();
  function confirm(): void {
    remove.mutate(
      { params: { customer, zone } },
      {
        onSuccess() {
          toast(`${zone} is removed`);
          go(pathOf("zones", { customer }));
        },
        onError: (error) => toast(error.message, { bad: true }),
        onSettled: () => setAsking(false),
      },
    );
  }
  return (
    <Paper className="tp-card" p="lg" component="section">
      <Group justify="space-between">
        <div>
          <Title order={2}>Remove this zone</Title>
          <Text c="dimmed" size="sm">
            First name other name servers at its registrar: after this, nobody answers for it.
          </Text>
        </div>
        <Button variant="default" onClick={() => setAsking(true)}>
          Remove zone…
        </Button>
      </Group>
      <Confirm
        open={asking}
        title={`Remove ${zone}?`}
        verb="Remove zone"
        busy={remove.isPending}
        onClose={() => setAsking(false)}
        onConfirm={confirm}
      >
        <Text>
          {records.length === 1
            ? "Its one record goes."
            : `All its ${formatNumber(records.length, "record")} go.`}{" "}
          Save it as a master file first if you may need them.
        </Text>
      </Confirm>
    </Paper>
  );
}
