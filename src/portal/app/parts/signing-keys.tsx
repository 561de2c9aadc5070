import { Button, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import type { SigningKeyMade, SigningKeyRow } from "../../../model/api/mod.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange, useRead } from "../api/queries.ts";
import { CopyLine } from "./copy-line.tsx";
import { type Column, DataTable } from "./data-table.tsx";
import { sortProblems } from "./field-problems.ts";
import { useSentFocus } from "./focus.ts";
import { formatDay } from "./format.ts";
import { Removal } from "./removal.tsx";
import { FormAlert } from "./states.tsx";

const REFRESH_MS = 10_000;

/** A customer's keys for signed addresses; a secret is shown once, when it is made. */
export function SigningKeys(props: { customer: string }) {
  const { customer } = props;
  const keys = useRead("listSigningKeys", { params: { customer } }, { refreshMs: REFRESH_MS });
  const [made, setMade] = useState<SigningKeyMade | null>(null);
  const [asking, setAsking] = useState<SigningKeyRow | null>(null);
  const mayEdit = useMayEdit();
  const rows = keys.data ?? [];
  return (
    <>
      {mayEdit && <NewKey customer={customer} onMade={setMade} />}
      {made !== null && (
        <Paper className="tp-card" p="lg" component="section" aria-label="New key">
          <Stack gap="sm">
            <Title order={2}>Copy the secret of {made.name} now: it is shown this once</Title>
            <CopyLine text={made.secret} what="the secret" />
          </Stack>
        </Paper>
      )}
      {rows.length > 0 && (
        <DataTable
          label="Keys for signed addresses"
          columns={columnsOf(mayEdit ? setAsking : null)}
          rows={rows}
          rowKey={(row) => row.name}
        />
      )}
      <KeyRemoval customer={customer} row={asking} onClose={() => setAsking(null)} />
    </>
  );
}

function columnsOf(ask: ((row: SigningKeyRow) => void) | null): readonly Column<SigningKeyRow>[] {
  const columns: readonly Column<SigningKeyRow>[] = [
    { head: "Key", title: true, cell: (row) => row.name },
    { head: "Made", cell: (row) => formatDay(row.madeAt) },
    {
      head: "Used by",
      cell: (row) => <span className="tp-break">{row.rules.join(", ") || "no rule"}</span>,
    },
  ];
  if (ask === null) return columns;
  const actions: Column<SigningKeyRow> = {
    head: "Actions",
    quiet: true,
    align: "right",
    cell: (row) => (
      <Button variant="default" size="compact-sm" onClick={() => ask(row)}>
        Remove<span className="tp-hidden"> {row.name}</span>
      </Button>
    ),
  };
  return [...columns, actions];
}

function NewKey(props: { customer: string; onMade: (key: SigningKeyMade) => void }) {
  const [name, setName] = useState("");
  const put = useChange("putSigningKey");
  const button = useRef<HTMLButtonElement>(null);
  useSentFocus(button, put.isPending);
  const problems = sortProblems(put.error, { name: ["name"] });
  function submit(event: FormEvent): void {
    event.preventDefault();
    put.mutate(
      { params: { customer: props.customer, name: name.trim() }, body: {} },
      {
        onSuccess(key) {
          setName("");
          props.onMade(key);
        },
      },
    );
  }
  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack>
        <div>
          <Title order={2}>Keys for signed addresses</Title>
          <Text c="dimmed" size="sm">
            Of all of this customer's sites. A rule with “signed” names the keys that it takes.
          </Text>
        </div>
        <FormAlert words={problems.rest} />
        <Group align="flex-start">
          <TextInput
            label="Name of a new key"
            placeholder="autumn"
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            error={problems.fields.name}
            autoComplete="off"
          />
          <Button
            type="submit"
            ref={button}
            className="tp-beside"
            loading={put.isPending}
            disabled={name.trim() === ""}
          >
            Make key
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}

function KeyRemoval(props: { customer: string; row: SigningKeyRow | null; onClose: () => void }) {
  const { customer, row, onClose } = props;
  const change = useChange("deleteSigningKey");
  return (
    <Removal
      kind="key"
      name={row?.name ?? null}
      busy={change.isPending}
      onClose={onClose}
      remove={(name, end) => change.mutate({ params: { customer, name } }, end)}
    >
      <Text>Within seconds every cache refuses what was signed with it.</Text>
    </Removal>
  );
}
