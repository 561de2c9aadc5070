import { Button, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useMayEdit } from "../api/lives.ts";
import { useChange, useRead } from "../api/queries.ts";
import { sortProblems } from "../parts/field-problems.ts";
import { formatMoment, formatSpan } from "../parts/format.ts";
import { FormAlert, Loaded } from "../parts/states.tsx";
import type { SiteTabProps } from "./site.tsx";

const POLL_MS = 500;

export function PurgeTab(props: SiteTabProps) {
  const { customer, view } = props;
  const { hostname } = view.site;
  const [path, setPath] = useState("");
  const [made, setMade] = useState<readonly number[]>([]);
  const purge = useChange("createPurge");
  const mayEdit = useMayEdit();

  function submit(event: FormEvent): void {
    event.preventDefault();
    purge.mutate(
      { params: { customer, hostname }, body: { path: pathIn(path) } },
      {
        onSuccess: ({ number }) => {
          setMade([number, ...made.filter((one) => one !== number)]);
          setPath("");
        },
      },
    );
  }

  const problems = sortProblems(purge.error, { path: ["path"] });
  return (
    <Stack>
      <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
        <Stack>
          <Title order={2}>Purge one URL from every cache</Title>
          <FormAlert words={problems.rest} />
          <TextInput
            label="Path"
            description="With its query, if it has one. Every variant of the URL goes."
            placeholder="/logo.png"
            value={path}
            onChange={(e) => setPath(e.currentTarget.value)}
            error={problems.fields.path}
            disabled={!mayEdit}
            autoComplete="off"
            spellCheck={false}
          />
          <Group>
            <Button type="submit" loading={purge.isPending} disabled={!mayEdit}>
              Purge
            </Button>
            {!mayEdit && <Text c="dimmed">Your role only reads.</Text>}
          </Group>
        </Stack>
      </Paper>
      {made.map((number) => (
        <Receipt key={number} number={number} />
      ))}
    </Stack>
  );
}

/** People paste whole addresses: `https://c.cdn.example/www.shop.example/a.png` is not a path. */
function pathIn(text: string): string {
  const trimmed = text.trim();
  if (!/^https?:\/\//i.test(trimmed) || !URL.canParse(trimmed)) return trimmed;
  const url = new URL(trimmed);
  return url.pathname + url.search;
}

/** A purge's receipts: which caches have said that they no longer serve the old object. */
function Receipt(props: { number: number }) {
  const [done, setDone] = useState(false);
  const receipt = useRead(
    "readPurge",
    { params: { number: props.number } },
    { refreshMs: done ? false : POLL_MS },
  );
  if (!done && receipt.data?.missing.length === 0 && receipt.data.acks.length > 0) setDone(true);
  return (
    <Loaded query={receipt} bars={[96]}>
      {({ purge, acks, missing }) => (
        <Paper className="tp-card" p="lg" component="section" aria-label={`Purge ${purge.number}`}>
          <Group justify="space-between">
            <Title order={3} className="tp-mono">
              {purge.path}
            </Title>
            <span className="tp-state" data-tone={missing.length === 0 ? "good" : "warn"}>
              <span className="tp-dot" aria-hidden="true" />
              {missing.length === 0
                ? `Gone from all ${acks.length} caches`
                : `${acks.length} of ${acks.length + missing.length} caches so far`}
            </span>
          </Group>
          <Text size="sm" c="dimmed">
            Purge {purge.number}, asked for {formatMoment(purge.atMs)}
          </Text>
          <ul className="tp-receipts">
            {acks.map((ack) => (
              <li key={ack.node}>
                {ack.node}: gone after {formatAfter(ack.atMs - purge.atMs)}
              </li>
            ))}
            {missing.map((node) => (
              <li key={node}>{node}: not yet; it revalidates what it holds until then</li>
            ))}
          </ul>
        </Paper>
      )}
    </Loaded>
  );
}

function formatAfter(ms: number): string {
  return ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : formatSpan(ms);
}
