import { Button, Group, NativeSelect, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import type { TokenCreated, TokenRow } from "../../../model/api/mod.ts";
import { useChange, useRead, useSession } from "../api/queries.ts";
import { Confirm } from "../parts/confirm.tsx";
import { CopyLine } from "../parts/copy-line.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { sortProblems } from "../parts/field-problems.ts";
import { useSentFocus } from "../parts/focus.ts";
import { formatDay } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { Empty, FormAlert, Loaded } from "../parts/states.tsx";
import { useToast } from "../parts/toast.tsx";

const REFRESH_MS = 10_000;

export function AccountPage() {
  const session = useSession();
  const tokens = useRead("listTokens", {}, { refreshMs: REFRESH_MS });
  const [made, setMade] = useState<TokenCreated | null>(null);
  const [asking, setAsking] = useState<TokenRow | null>(null);
  const revoke = useChange("revokeToken");
  const toast = useToast();
  return (
    <Page title="Account" words={session.data?.email}>
      <NewToken onMade={setMade} />
      {made !== null && (
        <Paper className="tp-card" p="lg" component="section" aria-label="New token">
          <Stack gap="sm">
            <Title order={2}>Copy the token now: it is shown this once</Title>
            <CopyLine text={made.token} what="the token" />
          </Stack>
        </Paper>
      )}
      <Loaded query={tokens}>
        {(rows) =>
          rows.length === 0 ? (
            <Empty title="No token yet">
              Tokens let the command line and scripts do what you may do here.
            </Empty>
          ) : (
            <DataTable
              label="Tokens"
              columns={columnsOf(setAsking)}
              rows={rows}
              rowKey={(row) => row.id}
            />
          )
        }
      </Loaded>
      <Confirm
        open={asking !== null}
        title={`Revoke ${asking?.name ?? ""}?`}
        verb="Revoke"
        busy={revoke.isPending}
        onClose={() => setAsking(null)}
        onConfirm={() =>
          asking !== null &&
          revoke.mutate(
            { params: { id: asking.id } },
            {
              onSuccess: () => toast(`${asking.name} is revoked`),
              onError: (error) => toast(error.message, { bad: true }),
              onSettled: () => setAsking(null),
            },
          )
        }
      >
        <Text>Whatever uses this token is refused within seconds.</Text>
      </Confirm>
    </Page>
  );
}

function columnsOf(ask: (row: TokenRow) => void): readonly Column<TokenRow>[] {
  return [
    { head: "Token", title: true, cell: (row) => row.name },
    { head: "May", cell: (row) => SCOPES[row.scope] },
    { head: "Made", cell: (row) => formatDay(row.createdAt) },
    { head: "Ends", cell: (row) => formatDay(row.expiresAt) },
    { head: "Last used", cell: (row) => (row.lastUsedAt ? formatDay(row.lastUsedAt) : "never") },
    {
      head: "Actions",
      quiet: true,
      align: "right",
      cell: (row) => (
        <Button variant="default" size="compact-sm" onClick={() => ask(row)}>
          Revoke<span className="tp-hidden"> {row.name}</span>
        </Button>
      ),
    },
  ];
}

const SCOPES: Readonly<Record<TokenRow["scope"], string>> = {
  read: "Read",
  write: "Read and change",
  purge: "Purge only",
};

function scopeOf(value: string): TokenRow["scope"] {
  return value === "write" || value === "purge" ? value : "read";
}

function NewToken(props: { onMade: (token: TokenCreated) => void }) {
  const [name, setName] = useState("");
  const [scope, setScope] = useState<TokenRow["scope"]>("read");
  const [isUnnamed, setUnnamed] = useState(false);
  const create = useChange("createToken");
  const button = useRef<HTMLButtonElement>(null);
  useSentFocus(button, create.isPending);
  function submit(event: FormEvent): void {
    event.preventDefault();
    setUnnamed(name.trim() === "");
    if (name.trim() === "") return;
    create.mutate(
      { body: { name: name.trim(), scope } },
      {
        onSuccess: (token) => {
          setName("");
          props.onMade(token);
        },
      },
    );
  }
  const problems = sortProblems(create.error, { name: ["name"], scope: ["scope"] });
  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack>
        <Title order={2}>Make a token for the command line or a script</Title>
        <FormAlert words={problems.rest} />
        <Group align="flex-start">
          <TextInput
            label="What it is for"
            placeholder="deploy script"
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            error={isUnnamed ? "Say what it is for" : problems.fields.name}
          />
          <NativeSelect
            label="It may"
            value={scope}
            onChange={(e) => setScope(scopeOf(e.currentTarget.value))}
            data={Object.entries(SCOPES).map(([value, label]) => ({ value, label }))}
            error={problems.fields.scope}
          />
          <Button type="submit" ref={button} loading={create.isPending} className="tp-beside">
            Make token
          </Button>
        </Group>
      </Stack>
    </Paper>
  );
}
