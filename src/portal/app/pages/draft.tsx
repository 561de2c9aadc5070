import { Button, Group, Paper, Stack, Text, Textarea, Title } from "@mantine/core";
import { useState } from "react";
import type { Applied } from "../../../model/api/mod.ts";
import { ApiFault, call } from "../api/client.ts";
import { useAct, useChange } from "../api/queries.ts";
import { Confirm } from "../parts/confirm.tsx";
import { DraftFigures } from "../parts/draft-figures.tsx";
import { sortProblems } from "../parts/field-problems.ts";
import { formatNumber } from "../parts/format.ts";
import { Page } from "../parts/page.tsx";
import { FormAlert } from "../parts/states.tsx";
import { useToast } from "../parts/toast.tsx";

/** More changes than this are counted, not listed. */
const LISTED = 100;

/** A network file, tried before it is applied: what changes, and what that does to clients. */
export function DraftPage() {
  const [yaml, setYaml] = useState("");
  const [asking, setAsking] = useState(false);
  const simulate = useChange("simulate");
  const check = useChange("apply");
  const { apply, setBase } = useApply();
  const toast = useToast();
  const busy = simulate.isPending || check.isPending || apply.isPending;

  /** Figures are those of the text beside them, or not there. */
  function change(text: string): void {
    setYaml(text);
    for (const one of [simulate, check, apply]) one.reset();
  }

  function attempt(): void {
    apply.reset();
    check.mutate({ body: { yaml, dryRun: true } });
    simulate.mutate({ body: { yaml } });
  }

  function confirm(): void {
    apply.mutate(yaml, {
      onSuccess(applied) {
        check.reset();
        simulate.reset();
        toast(appliedWords(applied));
      },
      onSettled: () => setAsking(false),
    });
  }

  const error = apply.error ?? check.error ?? simulate.error;
  return (
    <Page title="Try a network file" words="Nothing changes until it is applied">
      <Stack>
        <Paper className="tp-card" p="lg">
          <Stack>
            <FormAlert words={[...conflictWords(apply.error), ...sortProblems(error, {}).rest]} />
            <FileField
              text={yaml}
              onText={change}
              onBegin={(text, etag) => {
                change(text);
                setBase(etag);
              }}
            />
            <Ways
              busy={busy}
              isEmpty={yaml.trim() === ""}
              onTry={attempt}
              onApply={() => setAsking(true)}
            />
          </Stack>
        </Paper>
        {check.data !== undefined && <Changes applied={check.data} />}
        {simulate.data !== undefined && <DraftFigures simulated={simulate.data} />}
      </Stack>
      <ApplyQuestion
        open={asking}
        busy={apply.isPending}
        planned={check.data}
        onClose={() => setAsking(false)}
        onConfirm={confirm}
      />
    </Page>
  );
}

function Ways(props: { busy: boolean; isEmpty: boolean; onTry: () => void; onApply: () => void }) {
  const { busy, isEmpty } = props;
  return (
    <Group>
      <Button onClick={props.onTry} loading={busy} disabled={isEmpty}>
        Show what it would do
      </Button>
      <Button variant="default" onClick={props.onApply} disabled={isEmpty || busy}>
        Apply…
      </Button>
    </Group>
  );
}

/** Applies a text; where it began with what was in force, only over what was seen of others since. */
function useApply() {
  /** The entity tag of that network; null: the text is a file of its own. */
  const [base, setBase] = useState<string | null>(null);
  const apply = useAct(async (yaml: string) => {
    try {
      const ask = { body: { yaml }, ...(base === null ? {} : { ifMatch: base }) };
      const applied = await call("apply", ask);
      if (base !== null) await begin();
      return applied;
    } catch (failed) {
      if (isConflict(failed)) await begin();
      throw failed;
    }
  });
  /** From what is in force now: it is the text's, or what others made of it is said beside it. */
  async function begin(): Promise<void> {
    const now = await call("readNetwork", {}).catch(() => null);
    if (now !== null) setBase(now.etag);
  }
  return { apply, setBase };
}

function ApplyQuestion(props: {
  open: boolean;
  busy: boolean;
  /** What would change, where that was looked at. */
  planned: Applied | undefined;
  onClose: () => void;
  onConfirm: () => void;
}) {
  const { planned, ...question } = props;
  return (
    <Confirm {...question} title="Apply this network file?" verb="Apply and publish" tone="plain">
      <Text>
        {planned !== undefined && `${plannedWords(planned)} `}
        The network becomes what the file says: what it does not name is removed. Every node has it
        within seconds.
      </Text>
    </Confirm>
  );
}

function isConflict(error: unknown): boolean {
  return error instanceof ApiFault && error.status === 412;
}

function conflictWords(error: Error | null): readonly string[] {
  if (!isConflict(error)) return [];
  return [
    "Others changed the network since you began: nothing is applied yet. What they changed is below, and your text is as you left it; applied once more, it takes the place of theirs.",
  ];
}

function appliedWords({ changes, snapshot }: Applied): string {
  if (snapshot === null) return "Nothing changed: the network is as this file says";
  return `${countWords(changes.length)} published as snapshot ${snapshot}`;
}

function plannedWords({ changes }: Applied): string {
  const removed = changes.filter(({ action }) => action === "remove").length;
  const what = removed === 0 ? "" : `, ${removed} of them removed`;
  return `${countWords(changes.length)}${what}.`;
}

function countWords(changes: number): string {
  return formatNumber(changes, "change");
}

function FileField(props: {
  text: string;
  onText: (text: string) => void;
  /** With the entity tag of the network where it is what is in force. */
  onBegin: (text: string, etag: string | null) => void;
}) {
  const [busy, setBusy] = useState(false);
  const [asking, setAsking] = useState(false);
  const toast = useToast();
  async function fill(): Promise<void> {
    setAsking(false);
    setBusy(true);
    try {
      const { network, etag } = await call("readNetwork", {});
      // JSON is YAML too.
      props.onBegin(network === null ? "" : JSON.stringify(network, null, 2), etag);
    } catch (error) {
      toast((error as Error).message, { bad: true });
    }
    setBusy(false);
  }
  return (
    <>
      <Textarea
        label="Network file"
        description="YAML or JSON: zone, pops, nodes, plans, customers with their sites"
        value={props.text}
        onChange={(e) => props.onText(e.currentTarget.value)}
        autosize
        minRows={10}
        maxRows={24}
        spellCheck={false}
        classNames={{ input: "tp-mono" }}
      />
      <Group>
        <Button
          variant="default"
          size="compact-sm"
          loading={busy}
          onClick={() => (props.text.trim() === "" ? void fill() : setAsking(true))}
        >
          Start from what is in force
        </Button>
        <Text size="sm" component="label">
          or choose a file:{" "}
          <input
            type="file"
            className="tp-file"
            accept=".yaml,.yml,.json"
            onChange={(e) => {
              const file = e.currentTarget.files?.[0];
              if (file !== undefined) void file.text().then((text) => props.onBegin(text, null));
            }}
          />
        </Text>
      </Group>
      <Confirm
        open={asking}
        title="Replace what is in the field?"
        verb="Replace it"
        busy={busy}
        onClose={() => setAsking(false)}
        onConfirm={() => void fill()}
      >
        <Text>What you typed or chose is lost. The network itself stays as it is.</Text>
      </Confirm>
    </>
  );
}

function Changes(props: { applied: Applied }) {
  const { changes } = props.applied;
  const more = changes.length - LISTED;
  return (
    <Paper className="tp-card" p="lg" component="section" aria-live="polite">
      <Title order={2} mb="sm">
        {changes.length === 0 ? "Nothing would change" : countWords(changes.length)}
      </Title>
      <ul className="tp-lines tp-mono tp-break">
        {changes.slice(0, LISTED).map(({ action, path, from, to }) => (
          <li key={`${action} ${path}`}>
            {action} {path}
            {action === "change" && ` ${from ?? ""} → ${to ?? ""}`}
          </li>
        ))}
      </ul>
      {more > 0 && <Text size="sm">and {more} more</Text>}
      <LeftBehind changes={changes} />
    </Paper>
  );
}

/** What belongs to a customer and is in no network file stays when the customer goes. */
function LeftBehind(props: Pick<Applied, "changes">) {
  const gone = props.changes.flatMap(({ action, path }) => {
    const [, customer] = /^customers\.([^.]+)$/.exec(path) ?? [];
    return action === "remove" && customer !== undefined ? [customer] : [];
  });
  if (gone.length === 0) return null;
  return (
    <Text size="sm" mt="sm" className="tp-break">
      Keys, credentials and certificates of {gone.join(", ")} stay, and are whose that name is next,
      until you remove them. See{" "}
      <span className="tp-mono">turnpike key list --customer {gone[0]}</span>; likewise{" "}
      <span className="tp-mono">credential</span>, <span className="tp-mono">tsig</span> and{" "}
      <span className="tp-mono">certificate</span>.
    </Text>
  );
}
