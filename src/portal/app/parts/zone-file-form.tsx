import { Button, Paper, Stack, Text, Textarea, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { ZoneChanged } from "../../../model/api/mod.ts";
import { useChange } from "../api/queries.ts";
import { sortProblems } from "./field-problems.ts";
import { FormEnds } from "./form-ends.tsx";
import { FormAlert } from "./states.tsx";
import { useToast } from "./toast.tsx";
import { ZoneChange } from "./zone-change.tsx";

/** Adds a zone, or replaces the records of one, by a master file; what changes can be seen first. */
export function ZoneFileForm(props: {
  customer: string;
  /** The zone whose records are replaced; null to add one, by its name. */
  zone: string | null;
  onDone: (zone: string) => void;
  /** It waits for a proof: nothing was changed yet. */
  onPending: () => void;
  onCancel: () => void;
}) {
  const { customer, zone } = props;
  const adding = zone === null;
  const [name, setName] = useState(zone ?? "");
  const [text, setText] = useState("");
  const [seen, setSeen] = useState<ZoneChanged | null>(null);
  const put = useChange("putZone");
  const toast = useToast();
  const trimmed = name.trim().replace(/\.$/, "");
  const problems = sortProblems(put.error, { name: ["name", "zone"] });
  const empty = trimmed === "" || (!adding && text.trim() === "");

  function send(dryRun: boolean): void {
    setSeen(null);
    const given = text.trim() === "" ? { records: [] } : { text };
    put.mutate(
      { params: { customer, zone: trimmed }, body: { ...given, dryRun } },
      {
        onSuccess(change) {
          if (dryRun) return setSeen(change);
          if (change.pending !== undefined) {
            toast(`${trimmed} waits for a proof that it is yours`);
            return props.onPending();
          }
          toast(adding ? `${trimmed} is added` : `The records of ${trimmed} are replaced`);
          props.onDone(trimmed);
        },
      },
    );
  }

  function submit(event: FormEvent): void {
    event.preventDefault();
    send(false);
  }

  return (
    <Stack>
      <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
        <Stack>
          <Title order={2}>{adding ? "The zone" : "Replace all records by a master file"}</Title>
          <FormAlert words={problems.rest} />
          {adding && <DomainField name={name} onName={setName} error={problems.fields.name} />}
          <MasterFile text={text} optional={adding} onText={setText} />
          <FormEnds
            verb={adding ? "Add zone" : "Replace records"}
            busy={put.isPending}
            disabled={empty}
            onClose={props.onCancel}
          >
            <Button variant="default" onClick={() => send(true)} disabled={empty || put.isPending}>
              Only show what would change
            </Button>
          </FormEnds>
        </Stack>
      </Paper>
      {seen !== null && <ZoneChange title="What would change" change={seen} />}
    </Stack>
  );
}

function DomainField(props: {
  name: string;
  onName: (name: string) => void;
  error: string | undefined;
}) {
  return (
    <TextInput
      label="Domain"
      placeholder="shop.example"
      maw={420}
      value={props.name}
      onChange={(e) => props.onName(e.currentTarget.value)}
      error={props.error}
      autoComplete="off"
      spellCheck={false}
      autoFocus
    />
  );
}

function MasterFile(props: { text: string; optional: boolean; onText: (text: string) => void }) {
  return (
    <>
      <Textarea
        label="Master file"
        description={`${props.optional ? "Optional. " : ""}As BIND reads and other providers export it; SOA and NS of the zone itself are ours`}
        placeholder={"@    3600 IN MX  10 mail.shop.example.\nmail 3600 IN A   192.0.2.25"}
        value={props.text}
        onChange={(e) => props.onText(e.currentTarget.value)}
        minRows={8}
        maxRows={24}
        autosize
        spellCheck={false}
        classNames={{ input: "tp-mono" }}
      />
      <Text size="sm" component="label">
        or choose a file:{" "}
        <input
          type="file"
          className="tp-file"
          accept=".zone,.txt,.db,text/*"
          onChange={(e) => {
            const file = e.currentTarget.files?.[0];
            if (file !== undefined) void file.text().then(props.onText);
          }}
        />
      </Text>
    </>
  );
}
