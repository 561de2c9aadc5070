import { Button, Group, NativeSelect, Paper, Stack, Text, Textarea, Title } from "@mantine/core";
import { useState } from "react";
import type { Rule } from "../../../model/rules.ts";
import type { Ask } from "../api/client.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange } from "../api/queries.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { sortProblems } from "../parts/field-problems.ts";
import { SigningKeys } from "../parts/signing-keys.tsx";
import { Empty, FormAlert } from "../parts/states.tsx";
import { useToast } from "../parts/toast.tsx";
import type { SiteTabProps } from "./site.tsx";

/** What each setting of a rule does, in a few words. */
const DOES = {
  key: "chooses what keeps objects apart",
  ttl: "says how long objects are fresh",
  request: "edits fields to web servers",
  response: "edits fields to users",
  redirect: "redirects",
  https: "sends plain HTTP to HTTPS",
  compress: "compresses",
  signed: "lets in signed addresses only",
  access: "says who may come",
  rate: "limits the rate",
  cors: "answers CORS",
  errorPages: "has its own error pages",
} as const satisfies Record<Exclude<keyof Rule, "name" | "match">, string>;

/** To start from: each a rule that can be used as it is. */
const EXAMPLES = {
  "Keep assets for a day": {
    name: "assets",
    match: { path: ["/assets/*"] },
    ttl: [{ edgeSec: 86_400, browserSec: 3600 }],
  },
  "One object whatever the query": {
    name: "no-query",
    match: { path: ["/img/*"] },
    key: { query: "none" },
  },
  "Compress text": { name: "text", match: {}, compress: true },
  "Send a path elsewhere": {
    name: "moved",
    match: { path: ["/old/*"] },
    redirect: { status: 301, to: "/new/" },
  },
  "At most 20 requests a second": { name: "limit", match: {}, rate: { perSec: 20, burst: 40 } },
} as const;

/** What caches do with a site's requests: the rules in their order, and where they are written. */
export function RulesTab(props: SiteTabProps) {
  const { site } = props.view;
  const [text, setText] = useState<string | null>(null);
  const mayEdit = useMayEdit();
  const rules = site.rules ?? [];
  return (
    <Stack>
      {text === null ? (
        <RuleList rules={rules} onChange={mayEdit ? setText : null} />
      ) : (
        <RulesForm {...props} text={text} onText={setText} onClose={() => setText(null)} />
      )}
      <SigningKeys customer={props.customer} />
    </Stack>
  );
}

function RuleList(props: { rules: readonly Rule[]; onChange: ((text: string) => void) | null }) {
  const { rules, onChange } = props;
  if (rules.length === 0) {
    return (
      <Empty
        title="No rules"
        action={onChange && <Button onClick={() => onChange("[]")}>Write rules</Button>}
      >
        Caches do what your web servers' answers say. Rules change keys, times, fields, and who may
        come.
      </Empty>
    );
  }
  return (
    <>
      {onChange !== null && (
        <Group>
          <Button onClick={() => onChange(JSON.stringify(rules, null, 2))}>Change rules</Button>
        </Group>
      )}
      <DataTable label="Rules" columns={COLUMNS} rows={rules} rowKey={(rule) => rule.name} />
    </>
  );
}

const COLUMNS: readonly Column<Rule>[] = [
  { head: "Rule", title: true, cell: (rule) => rule.name },
  {
    head: "For",
    cell: ({ match }) => (
      <span className="tp-mono tp-break">
        {Object.keys(match).length === 0 ? "every request" : JSON.stringify(match)}
      </span>
    ),
  },
  {
    head: "Does",
    cell: (rule) =>
      (Object.keys(DOES) as (keyof typeof DOES)[])
        .filter((key) => rule[key] !== undefined)
        .map((key) => DOES[key])
        .join(", "),
  },
];

function RulesForm(
  props: SiteTabProps & { text: string; onText: (text: string) => void; onClose: () => void },
) {
  const { site } = props.view;
  const [own, setOwn] = useState<string | null>(null);
  const put = useChange("putSite");
  const toast = useToast();

  function save(): void {
    const rules = rulesIn(props.text);
    setOwn(typeof rules === "string" ? rules : null);
    if (typeof rules === "string") return;
    const { hostname, origins: _, ...kept } = site;
    const body = { ...kept, rules } as Ask<"putSite">["body"];
    put.mutate(
      { params: { customer: props.customer, hostname }, body },
      {
        onSuccess({ snapshot }) {
          toast(snapshot === null ? "Nothing changed" : `Published as snapshot ${snapshot}`);
          props.onClose();
        },
      },
    );
  }

  const problems = own === null ? sortProblems(put.error, {}).rest : [own];
  return (
    <Paper className="tp-card" p="lg" component="section">
      <Stack>
        <Title order={2}>Rules</Title>
        <FormAlert words={problems} />
        <ExampleChoice
          onChoose={(rule) => {
            const rules = rulesIn(props.text);
            if (typeof rules !== "string") props.onText(JSON.stringify([...rules, rule], null, 2));
          }}
        />
        <Textarea
          label="Rules, in their order"
          description="JSON, as in the network file. All rules that match count; the first that has a setting decides it"
          value={props.text}
          onChange={(e) => props.onText(e.currentTarget.value)}
          autosize
          minRows={10}
          maxRows={28}
          spellCheck={false}
          classNames={{ input: "tp-mono" }}
        />
        <Group>
          <Button onClick={save} loading={put.isPending}>
            Save rules
          </Button>
          <Button variant="default" onClick={props.onClose}>
            Cancel
          </Button>
          <Text size="sm" c="dimmed">
            Published at once.
          </Text>
        </Group>
      </Stack>
    </Paper>
  );
}

function ExampleChoice(props: { onChoose: (rule: unknown) => void }) {
  const names = Object.keys(EXAMPLES) as (keyof typeof EXAMPLES)[];
  return (
    <NativeSelect
      label="Add an example"
      maw={420}
      value=""
      data={[{ value: "", label: "Choose one…" }, ...names]}
      onChange={(e) => {
        const found = names.find((name) => name === e.currentTarget.value);
        if (found !== undefined) props.onChoose(EXAMPLES[found]);
      }}
    />
  );
}

/** The rules typed, or what is wrong with the text. What is wrong with rules is the API's word. */
function rulesIn(text: string): readonly unknown[] | string {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : "Expected a list of rules: [ … ]";
  } catch (error) {
    return `This is no JSON: ${(error as Error).message}`;
  }
}
