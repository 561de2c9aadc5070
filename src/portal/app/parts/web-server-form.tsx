import { Button, Group, Paper, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { Site } from "../../../model/site.ts";
import type { Ask } from "../api/client.ts";
import { useChange } from "../api/queries.ts";
import { sortProblems } from "./field-problems.ts";
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
  const { texts, field } = useTexts<Field>({
    name: before?.name ?? "",
    v4: before?.v4 ?? "",
    v6: before?.v6 ?? "",
    host: before?.host ?? "",
    weight: String(before?.weight ?? 1),
    exporter: before?.exporter ?? "",
    ftpPort: String(before?.ftpPort ?? 21),
  });
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
        <Fields field={(name) => field(name, errors[name])} named={change !== null} ftp={ftp} />
        <Group>
          <Button type="submit" loading={put.isPending}>
            {change === null ? "Add" : "Save"}
          </Button>
          <Button variant="default" onClick={props.onClose}>
            Cancel
          </Button>
          <Text size="sm" c="dimmed">
            Published at once; users are sent there as soon as its checks pass.
          </Text>
        </Group>
      </Stack>
    </Paper>
  );
}

type FieldProps = ReturnType<ReturnType<typeof useTexts<Field>>["field"]>;

function Fields(props: { field: (name: Field) => FieldProps; named: boolean; ftp: boolean }) {
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
        <TextInput label="Weight" inputMode="decimal" {...field("weight")} />
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
  return found;
}

function bodyOf(texts: Texts, before: Site["origins"][number] | undefined, ftp: boolean) {
  const { name: _, ...kept } = before ?? { name: "" };
  const body: Record<string, unknown> = {
    ...kept,
    weight: numberIn(texts.weight),
    ...(ftp && { ftpPort: numberIn(texts.ftpPort) }),
  };
  for (const key of ["v4", "v6", "host", "exporter"] as const) {
    const text = texts[key].trim();
    if (text === "") delete body[key];
    else body[key] = text;
  }
  return body as Ask<"putOrigin">["body"];
}
