import { NativeSelect, Paper, SimpleGrid, Stack, Textarea, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useChange } from "../api/queries.ts";
import { sortProblems } from "./field-problems.ts";
import { FormEnds } from "./form-ends.tsx";
import { FormAlert } from "./states.tsx";
import { useToast } from "./toast.tsx";
import { numberIn, useTexts } from "./use-texts.ts";

/** Records of one name and type: what is changed together. */
export interface RecordSet {
  readonly name: string;
  readonly type: string;
  readonly ttlSec: number;
  readonly values: readonly string[];
}

/** Those that people write by hand; any other type comes by a master file. */
const TYPES: Readonly<Record<string, string>> = {
  A: "192.0.2.10",
  AAAA: "2001:db8::10",
  CAA: '0 issue "letsencrypt.org"',
  CNAME: "www.elsewhere.example",
  HTTPS: "1 . alpn=h2",
  MX: "10 mail.shop.example",
  NS: "ns1.elsewhere.example",
  PTR: "host.shop.example",
  SRV: "10 5 5060 sip.shop.example",
  TLSA: "3 1 1 d2abde240d7cd3ee6b4b28c54df034b97983a1d16e8a410e4561cb106618e971",
  TXT: "v=spf1 mx -all",
};

const PATHS = {
  name: ["name"],
  type: ["type"],
  ttlSec: ["ttlSec"],
  values: ["values", "value", ...Array.from({ length: 100 }, (_, i) => `values.${i}`)],
} as const;

/** Adds the records of a name and type, or changes them; the API publishes them at once. */
export function RecordForm(props: {
  customer: string;
  zone: string;
  change: RecordSet | null;
  onClose: () => void;
}) {
  const { customer, zone, change } = props;
  const { texts, field } = useTexts<Field>({
    name: change?.name ?? "",
    type: change?.type ?? "A",
    ttlSec: String(change?.ttlSec ?? 3600),
  });
  const [values, setValues] = useState((change?.values ?? []).join("\n"));
  const put = useChange("putRecords");
  const toast = useToast();
  const problems = sortProblems(put.error, PATHS);

  function submit(event: FormEvent): void {
    event.preventDefault();
    const name = texts.name.trim() === "" ? "@" : texts.name.trim();
    const lines = values.split("\n").map((line) => line.trim());
    put.mutate(
      {
        params: { customer, zone, name, type: texts.type },
        body: { ttlSec: numberIn(texts.ttlSec), values: lines.filter((line) => line !== "") },
      },
      {
        onSuccess({ warnings }) {
          const words = warnings.map(({ message }) => message).join("; ");
          toast(`${texts.type} of ${name} is in place${words === "" ? "" : `. Note: ${words}`}`);
          props.onClose();
        },
      },
    );
  }

  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack>
        <Title order={2}>
          {change === null ? "Add records" : `Change ${change.type} of ${change.name}`}
        </Title>
        <FormAlert words={problems.rest} />
        <RecordFields
          zone={zone}
          type={texts.type}
          fixed={change !== null}
          field={(name) => field(name, problems.fields[name])}
        />
        <ValuesField
          type={texts.type}
          text={values}
          onText={setValues}
          error={problems.fields.values}
        />
        <FormEnds
          verb={change === null ? "Add" : "Save"}
          busy={put.isPending}
          onClose={props.onClose}
        />
      </Stack>
    </Paper>
  );
}

type Field = "name" | "type" | "ttlSec";

function RecordFields(props: {
  zone: string;
  type: string;
  /** Name and type say which records are changed: they stay. */
  fixed: boolean;
  field: (name: Field) => ReturnType<ReturnType<typeof useTexts<Field>>["field"]>;
}) {
  const { field, fixed, type } = props;
  const unlisted = TYPES[type] === undefined ? [type] : [];
  return (
    <SimpleGrid cols={{ base: 1, sm: 3 }}>
      <TextInput
        label="Name"
        description={`Before .${props.zone}; empty or @ for the zone itself`}
        placeholder="www"
        disabled={fixed}
        autoFocus={!fixed}
        {...field("name")}
      />
      <NativeSelect
        label="Type"
        description="Of all of its values"
        data={[...unlisted, ...Object.keys(TYPES)]}
        disabled={fixed}
        {...field("type")}
      />
      <TextInput
        label="TTL in seconds"
        description="How long resolvers may keep it"
        inputMode="numeric"
        {...field("ttlSec")}
      />
    </SimpleGrid>
  );
}

function ValuesField(props: {
  type: string;
  text: string;
  onText: (text: string) => void;
  error: string | undefined;
}) {
  return (
    <Textarea
      label="Values"
      description="One a line, as in a master file; names in them are whole"
      placeholder={TYPES[props.type] ?? ""}
      value={props.text}
      onChange={(e) => props.onText(e.currentTarget.value)}
      error={props.error}
      autosize
      minRows={3}
      maxRows={16}
      spellCheck={false}
      classNames={{ input: "tp-mono" }}
    />
  );
}
