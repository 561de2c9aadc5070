import {
  Button,
  Group,
  Paper,
  Radio,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import type { Explanation } from "../../../model/api/mod.ts";
import { type Ask, call } from "../api/client.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { sortProblems } from "../parts/field-problems.ts";
import { useSentFocus } from "../parts/focus.ts";
import { formatLoad, formatMoment, formatMs } from "../parts/format.ts";
import { LoadBar, StateBadge, sourceWords } from "../parts/state-badge.tsx";
import { Bars, FormAlert } from "../parts/states.tsx";
import { Stats } from "../parts/stats.tsx";
import type { SiteTabProps } from "./site.tsx";

type Question = Ask<"explain">["query"];
type Candidate = NonNullable<Explanation["decision"]>["reasons"][number];

const PATHS = { client: ["client"], which: ["name"], at: ["at"] };

/** Asks the network why it answers as it does: the very function that answers the lookups. */
export function SteeringTab(props: SiteTabProps) {
  const { site, names } = props.view;
  const [which, setWhich] = useState<"first" | "second">("first");
  const [client, setClient] = useState("");
  const [at, setAt] = useState("");
  const [asked, setAsked] = useState<Question | null>(null);
  const answer = useQuery({
    queryKey: ["explain", asked],
    queryFn: () => call("explain", { query: asked ?? { name: "", client: "" } }),
    enabled: asked !== null,
    retry: false,
  });

  const button = useRef<HTMLButtonElement>(null);
  useSentFocus(button, answer.isFetching);

  function submit(event: FormEvent): void {
    event.preventDefault();
    const name = which === "first" ? site.hostname : names.cacheHost;
    const next = { name, client: client.trim(), ...(at !== "" && { at: instantOf(at) }) };
    if (JSON.stringify(asked) === JSON.stringify(next)) void answer.refetch();
    else setAsked(next);
  }

  const problems = sortProblems(answer.error, PATHS);
  return (
    <Stack>
      <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
        <Stack>
          <Title order={2}>Which server would a client be sent to?</Title>
          <FormAlert words={problems.rest} />
          <AddressChoice
            view={props.view}
            which={which}
            onChange={setWhich}
            error={problems.fields.which}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }} maw={720}>
            <TextInput
              label="Client's IP address"
              placeholder="198.51.100.7"
              value={client}
              onChange={(e) => setClient(e.currentTarget.value)}
              error={problems.fields.client}
            />
            <TextInput
              type="datetime-local"
              step={1}
              label="At (your time)"
              description="Empty for now; at most 24 hours back"
              value={at}
              onChange={(e) => setAt(e.currentTarget.value)}
              error={problems.fields.at}
              inputWrapperOrder={["label", "input", "description", "error"]}
            />
          </SimpleGrid>
          <Group>
            <Button type="submit" ref={button} loading={answer.isFetching}>
              Explain
            </Button>
          </Group>
        </Stack>
      </Paper>
      {answer.isLoading && <Bars heights={[72, 160]} />}
      {answer.data !== undefined && !answer.isError && <Answer data={answer.data} />}
    </Stack>
  );
}

function AddressChoice(props: {
  view: SiteTabProps["view"];
  which: "first" | "second";
  onChange: (which: "first" | "second") => void;
  error: string | undefined;
}) {
  const { site, names } = props.view;
  return (
    <Radio.Group
      label="Address looked up"
      value={props.which}
      onChange={(value) => props.onChange(value === "second" ? "second" : "first")}
      error={props.error}
    >
      <Stack gap="xs" mt="xs">
        <Radio value="first" label={`${site.hostname}: your web servers`} />
        <Radio value="second" label={`${names.cacheHost}: the network's caches`} />
      </Stack>
    </Radio.Group>
  );
}

/** The browser's local time as the API takes it: an instant with its offset. */
function instantOf(local: string): string {
  const when = new Date(local);
  return Number.isNaN(when.getTime()) ? local : when.toISOString();
}

function Answer(props: { data: Explanation }) {
  const { data } = props;
  const { decision } = data;
  const address = data.answer.v4 ?? data.answer.v6;
  return (
    <Stack aria-live="polite">
      <Stats
        list={[
          {
            label: "Answer",
            value: address ?? "No address",
            note: `${data.at === undefined ? "" : `at ${formatMoment(data.at)}, `}for ${data.answer.ttlSec} s${data.answer.v4 !== null && data.answer.v6 !== null ? ` · ${data.answer.v6}` : ""}`,
          },
          { label: "Client group", value: data.group, note: data.scope ?? "no prefix of its own" },
          {
            label: "Decided on snapshot",
            value: String(data.snapshot),
            note: `health ${data.health}, assignment ${data.assignment}`,
          },
        ]}
      />
      {decision === null ? (
        <Text>This name is answered with plain records; nothing is steered.</Text>
      ) : (
        <>
          {decision.allDown && (
            <Text fw={650}>No candidate is usable: the site's all-down choice applies.</Text>
          )}
          <DataTable
            label="Candidates"
            columns={columnsOf(answeredOf(data))}
            rows={decision.reasons}
            rowKey={(row) => row.id}
          />
        </>
      )}
    </Stack>
  );
}

/** Of several choices one is drawn: whose address was answered. */
function answeredOf({ answer, decision }: Explanation): string | null {
  const choices = decision?.choices ?? [];
  const drawn = choices.find(({ v4, v6 }) =>
    answer.v4 === null ? answer.v6 !== null && v6 === answer.v6 : v4 === answer.v4,
  );
  return (drawn ?? choices[0])?.id ?? null;
}

function columnsOf(chosen: string | null): readonly Column<Candidate>[] {
  return [
    {
      head: "Candidate",
      title: true,
      cell: (row) => (
        <>
          {row.name}
          {row.id === chosen && <span className="tp-chosen">Chosen</span>}
        </>
      ),
    },
    { head: "Address", cell: (row) => <span className="tp-address">{row.v4 ?? row.v6}</span> },
    { head: "State", cell: (row) => <StateBadge state={row.state} /> },
    {
      head: "Load",
      cell: (row) => (
        <>
          <LoadBar load={row.load} known={row.loadKnown} from={row.loadFrom} />
          {row.sources.length > 1 && <Sources row={row} />}
        </>
      ),
    },
    { head: "Projected", align: "right", cell: (row) => formatLoad(row.projected) },
    { head: "Latency", align: "right", cell: (row) => formatMs(row.rttMs) },
    { head: "Verdicts", prose: true, cell: (row) => <Verdicts row={row} /> },
  ];
}

function Sources(props: { row: Candidate }) {
  return (
    <details className="tp-evidence">
      <summary>{props.row.sources.length} sources</summary>
      <dl>
        {props.row.sources.map((source) => (
          <div key={source.kind}>
            <dt>{sourceWords(source.kind)}</dt>
            <dd>
              {formatLoad(source.load)} ({source.detail})
            </dd>
          </div>
        ))}
      </dl>
    </details>
  );
}

/** Kept, but behind another: the next choice if that one fails. */
const RESERVE: ReadonlySet<string> = new Set(["higher-load", "higher-cost", "dominated"]);

function Verdict(props: { kept: boolean; reason: string }) {
  const [tone, words] = !props.kept
    ? ["bad", "Dropped"]
    : RESERVE.has(props.reason)
      ? ["quiet", "Reserve"]
      : ["good", "Kept"];
  return (
    <span className="tp-state" data-tone={tone}>
      {words}
    </span>
  );
}

/** Each filter's word, in the order in which they were asked. */
function Verdicts(props: { row: Candidate }) {
  return (
    <ol className="tp-verdicts">
      {props.row.verdicts.map((verdict) => (
        <li key={verdict.filter}>
          <Verdict kept={verdict.kept} reason={verdict.reason} />
          <span>
            {verdict.reason.replaceAll("-", " ")}
            {verdict.detail !== "" && <Text span c="dimmed" size="sm">{` ${verdict.detail}`}</Text>}
          </span>
        </li>
      ))}
    </ol>
  );
}
