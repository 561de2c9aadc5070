import { Paper, SimpleGrid, Stack, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Site } from "../../../model/site.ts";
import type { Ask } from "../api/client.ts";
import { useChange } from "../api/queries.ts";
import { sortProblems } from "./field-problems.ts";
import { FormEnds } from "./form-ends.tsx";
import { FormAlert } from "./states.tsx";
import { useToast } from "./toast.tsx";
import { numberIn, useTexts } from "./use-texts.ts";

const PATHS = {
  name: ["name"],
  v4: ["v4"],
  v6: ["v6"],
  host: ["host"],
  weight: ["weight"],
  exporter: ["exporter"],
  ftpPort: ["ftpPort"],
  port: ["port"],
  capacity: ["capacity"],
  connections: ["connectionsMax"],
  paths: ["paths"],
  loadUrl: ["loadUrl"],
} as const;
type Field = keyof typeof PATHS;
type Texts = Readonly<Record<Field, string>>;

/** Adds a web server, or changes one; the API publishes it at once. */
export function WebServerForm(props: {
  customer: string;
  site: Site;
  /** The name of the one to change; null to add one. */
  change: string | null;
  onClose: () => void;
}) {
  const { site, change } = props;
  const before = site.origins.find((origin) => origin.name === change);
  const { texts, field } = useTexts<Field>(textsOf(before));
  const ftp = site.check.ftp !== null;
  const [own, setOwn] = useState<{ readonly [F in Field]?: string }>({});
  const put = useChange("putOrigin");
  const toast = useToast();
  const problems = sortProblems(put.error, PATHS);
  const errors = { ...problems.fields, ...own };

  function submit(event: FormEvent): void {
    event.preventDefault();
    const found = ownProblems(texts, change === null ? site.origins.map((o) => o.name) : []);
    setOwn(found);
    put.reset();
    if (Object.keys(found).length > 0) return;
    const name = texts.name.trim();
    const params = { customer: props.customer, hostname: site.hostname, name };
    put.mutate(
      { params, body: bodyOf(texts, before, ftp) },
      {
        onSuccess: ({ snapshot }) => {
          const done = change === null ? "is added" : "is changed";
          toast(`${name} ${done}${snapshot === null ? "" : `, in snapshot ${snapshot}`}`);
          props.onClose();
        },
      },
    );
  }

  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack>
        <Title order={2}>{change === null ? "Add web server" : `Change ${change}`}</Title>
        <FormAlert words={problems.rest} />
        <Fields
          field={(name) => field(name, errors[name])}
          named={change !== null}
          ftp={ftp}
          port={site.port ?? (site.scheme === "https" ? 443 : 80)}
        />
        <FormEnds
          verb={change === null ? "Add" : "Save"}
          busy={put.isPending}
          onClose={props.onClose}
          note="Published at once; users are sent there as soon as its checks pass."
        />
      </Stack>
    </Paper>
  );
}

type FieldProps = ReturnType<ReturnType<typeof useTexts<Field>>["field"]>;

function Fields(props: {
  field: (name: Field) => FieldProps;
  named: boolean;
  ftp: boolean;
  /** That of the site's web servers. */
  port: number;
}) {
  const { field } = props;
  return (
    <>
      <SimpleGrid cols={{ base: 1, sm: 2, lg: 4 }}>
        <TextInput
          label="Name"
          placeholder="web-1"
          autoFocus
          disabled={props.named}
          {...field("name")}
        />
        <TextInput label="IPv4 address" placeholder="192.0.2.10" {...field("v4")} />
        <TextInput label="IPv6 address" placeholder="2001:db8::10" {...field("v6")} />
        <TextInput
          label="Weight"
          inputMode="decimal"
          description="2 takes twice as much as 1; 0 stands by"
          {...field("weight")}
        />
        <Limits field={field} port={props.port} />
      </SimpleGrid>
      <TextInput
        label="Host name"
        description="In place of addresses: a name that leads to it, looked up again when its answer ends"
        placeholder="web-1.shop.example"
        {...field("host")}
      />
      <TextInput
        label="Exporter URL"
        description="Optional. Where its node_exporter tells CPU, memory and network load"
        placeholder="http://192.0.2.10:9100/metrics"
        {...field("exporter")}
      />
      <TextInput
        label="Load URL"
        description="Optional. Where it tells its own load, in JSON or XML: current, target and maximum"
        placeholder="http://192.0.2.10/load.json"
        {...field("loadUrl")}
      />
      {props.ftp && (
        <TextInput
          label="FTP port"
          description="This site checks the FTP response of its web servers"
          inputMode="numeric"
          {...field("ftpPort")}
        />
      )}
    </>
  );
}

/** What it takes, and what it is asked for. */
function Limits(props: { field: (name: Field) => FieldProps; port: number }) {
  const { field } = props;
  return (
    <>
      <TextInput
        label="Port"
        inputMode="numeric"
        placeholder={String(props.port)}
        description="Only if it is not that of the others; then caches alone are sent there"
        {...field("port")}
      />
      <TextInput
        label="Capacity, lookups a second"
        inputMode="decimal"
        description="At so many it counts as full"
        {...field("capacity")}
      />
      <TextInput
        label="Requests open at once"
        inputMode="numeric"
        placeholder="512"
        description="From each cache, at most"
        {...field("connections")}
      />
      <TextInput
        label="Paths it holds"
        placeholder="all"
        description="/video/, /img/: caches ask it for nothing else. Empty: all"
        {...field("paths")}
      />
    </>
  );
}

/** What need not be asked of the API. The rest is its word: addresses, ranges, names. */
function ownProblems(texts: Texts, taken: readonly string[]): { readonly [F in Field]?: string } {
  const found: { [F in Field]?: string } = {};
  const name = texts.name.trim();
  if (name === "") found.name = "Give it a name, such as web-1";
  else if (taken.includes(name)) found.name = "There is a web server of this name already";
  const addressed = texts.v4.trim() !== "" || texts.v6.trim() !== "";
  if (!addressed && texts.host.trim() === "") {
    found.v4 = "Give it an IPv4 address, an IPv6 address or both, or a host name";
  }
  if (addressed && texts.host.trim() !== "") {
    found.host = "Give it addresses or a host name, not both";
  }
  if (Number.isNaN(numberIn(texts.weight))) {
    found.weight = "Expected a number from 0 to 100";
  }
  if (Number.isNaN(numberIn(texts.ftpPort))) found.ftpPort = "Expected a port from 1 to 65535";
  if (isNoNumber(texts.port)) found.port = "Expected a port from 1 to 65535";
  if (Number.isNaN(numberIn(texts.capacity))) {
    found.capacity = "Expected lookups per second, above 0";
  }
  if (isNoNumber(texts.connections)) found.connections = "Expected a number from 1 to 10000";
  return found;
}

function textsOf(before: Site["origins"][number] | undefined): Texts {
  return {
    name: before?.name ?? "",
    v4: before?.v4 ?? "",
    v6: before?.v6 ?? "",
    host: before?.host ?? "",
    weight: String(before?.weight ?? 1),
    exporter: before?.exporter ?? "",
    ftpPort: String(before?.ftpPort ?? 21),
    port: String(before?.port ?? ""),
    capacity: String(before?.capacity ?? 1000),
    connections: String(before?.connectionsMax ?? ""),
    paths: before?.paths?.join(", ") ?? "",
    loadUrl: before?.loadUrl ?? "",
  };
}

function isNoNumber(text: string): boolean {
  return text.trim() !== "" && Number.isNaN(numberIn(text));
}

function bodyOf(texts: Texts, before: Site["origins"][number] | undefined, ftp: boolean) {
  const { name: _, ...kept } = before ?? { name: "" };
  const body: Record<string, unknown> = {
    ...kept,
    weight: numberIn(texts.weight),
    capacity: numberIn(texts.capacity),
    ...(ftp && { ftpPort: numberIn(texts.ftpPort) }),
  };
  const optional = {
    v4: texts.v4.trim(),
    v6: texts.v6.trim(),
    host: texts.host.trim(),
    exporter: texts.exporter.trim(),
    loadUrl: texts.loadUrl.trim(),
    port: texts.port.trim() === "" ? "" : numberIn(texts.port),
    connectionsMax: texts.connections.trim() === "" ? "" : numberIn(texts.connections),
    paths: texts.paths.split(/[\s,]+/).filter((path) => path !== ""),
  };
  for (const [key, value] of Object.entries(optional)) {
    if (value === "" || (Array.isArray(value) && value.length === 0)) delete body[key];
    else body[key] = value;
  }
  return body as Ask<"putOrigin">["body"];
}
