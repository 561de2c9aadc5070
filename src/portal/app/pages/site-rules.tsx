import {
  ActionIcon,
  Anchor,
  Button,
  Group,
  Menu,
  NativeSelect,
  Paper,
  Stack,
  Text,
  Textarea,
  Title,
} from "@mantine/core";
import { useState } from "react";
import type { Rule } from "../../../model/rules.ts";
import type { Site } from "../../../model/site.ts";
import type { Ask } from "../api/client.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange } from "../api/queries.ts";
import { Confirm } from "../parts/confirm.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Dots } from "../parts/dots.tsx";
import { sortProblems } from "../parts/field-problems.ts";
import { FormEnds } from "../parts/form-ends.tsx";
import { type Draft, draftOf, isShown, NEW_DRAFT } from "../parts/rule-draft.ts";
import { RuleForm } from "../parts/rule-form.tsx";
import { doesWords } from "../parts/rule-words.ts";
import { SigningKeys } from "../parts/signing-keys.tsx";
import { Empty, FormAlert } from "../parts/states.tsx";
import { useToast } from "../parts/toast.tsx";
import { Link } from "../router.tsx";
import { pathOf } from "../routes.ts";
import type { SiteTabProps } from "./site.tsx";

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
    redirect: { status: 301, to: "/new/", keepPath: false, keepQuery: true },
  },
  "At most 20 requests a second": {
    name: "limit",
    match: {},
    rate: { perSec: 20, burst: 40, v4Bits: 32, v6Bits: 64 },
  },
  "A page of your own for errors": {
    name: "errors",
    match: {},
    errorPages: [{ status: ["5xx"], html: "<h1>{status}</h1><p>We are back in a moment.</p>" }],
  },
} satisfies Readonly<Record<string, Rule>>;

/** What is open at the top: nothing, all rules as JSON, or the form of one. */
type Open =
  | { readonly kind: "none" }
  | { readonly kind: "json"; readonly text: string }
  | { readonly kind: "rule"; readonly index: number; readonly first: Draft };

/** What caches do with a site's requests: the rules in their order, and where they are written. */
export function RulesTab(props: SiteTabProps) {
  const { customer, view } = props;
  const rules = view.site.rules ?? [];
  const traffic = pathOf("siteTab", { customer, hostname: view.site.hostname, tab: "traffic" });
  const [open, setOpen] = useState<Open>({ kind: "none" });
  const mayEdit = useMayEdit();
  const saving = useSaveRules(customer, view.site);
  const close = () => {
    saving.reset();
    setOpen({ kind: "none" });
  };
  return (
    <Stack>
      {open.kind === "json" && (
        <RulesForm
          text={open.text}
          onText={(text) => setOpen({ kind: "json", text })}
          saving={saving}
          onClose={close}
        />
      )}
      {open.kind === "rule" && (
        <RuleForm
          key={open.index}
          title={open.index < rules.length ? `Change ${open.first.name}` : "Add a rule"}
          first={open.first}
          index={open.index}
          taken={rules.filter((_, i) => i !== open.index).map((rule) => rule.name)}
          busy={saving.busy}
          error={saving.error}
          onSave={(rule) => saving.save(rules.toSpliced(open.index, 1, rule as Rule), close)}
          onClose={close}
        />
      )}
      {open.kind === "none" && mayEdit && <Starts rules={rules} onOpen={setOpen} />}
      {rules.length === 0 ? (
        open.kind === "none" && (
          <Empty title="No rules">
            Caches do what your web servers' answers say. Rules change keys, times, fields, and who
            may come.
          </Empty>
        )
      ) : (
        <>
          <Text c="dimmed" size="sm">
            All rules that match a request count; of each kind of setting the first that has it
            decides. What they make of one address is said{" "}
            <Anchor component={Link} inherit underline="always" href={traffic}>
              under Traffic
            </Anchor>
            .
          </Text>
          <RuleList
            rules={rules}
            onOpen={mayEdit && open.kind === "none" ? setOpen : null}
            saving={saving}
          />
        </>
      )}
      <SigningKeys customer={customer} />
    </Stack>
  );
}

interface Saving {
  readonly busy: boolean;
  readonly error: Error | null;
  readonly save: (rules: readonly unknown[], done: () => void) => void;
  readonly reset: () => void;
}

/** Puts a site's rules in place of those before, and says how that went. */
function useSaveRules(customer: string, site: Site): Saving {
  const put = useChange("putSite");
  const toast = useToast();
  const { hostname, origins: _, ...kept } = site;
  return {
    busy: put.isPending,
    error: put.error,
    reset: put.reset,
    save(rules, done) {
      const body = { ...kept, rules } as Ask<"putSite">["body"];
      put.mutate(
        { params: { customer, hostname }, body },
        {
          onSuccess({ snapshot }) {
            toast(snapshot === null ? "Nothing changed" : `Published as snapshot ${snapshot}`);
            done();
          },
        },
      );
    },
  };
}

/** Ways to a new rule. */
function Starts(props: { rules: readonly Rule[]; onOpen: (open: Open) => void }) {
  const { rules, onOpen } = props;
  const index = rules.length;
  const names = Object.keys(EXAMPLES) as (keyof typeof EXAMPLES)[];
  return (
    <Group align="flex-end">
      <Button onClick={() => onOpen({ kind: "rule", index, first: NEW_DRAFT })}>Add a rule</Button>
      <NativeSelect
        label="Or begin with an example"
        value=""
        data={[{ value: "", label: "Choose one…" }, ...names]}
        onChange={(e) => {
          const found = names.find((name) => name === e.currentTarget.value);
          if (found === undefined) return;
          onOpen({ kind: "rule", index, first: draftOf(EXAMPLES[found]) });
        }}
      />
      <Button
        variant="default"
        onClick={() => onOpen({ kind: "json", text: JSON.stringify(rules, null, 2) })}
      >
        All as JSON
      </Button>
    </Group>
  );
}

function RuleList(props: {
  rules: readonly Rule[];
  onOpen: ((open: Open) => void) | null;
  saving: Saving;
}) {
  const { rules, onOpen, saving } = props;
  const [asking, setAsking] = useState<string | null>(null);
  const toast = useToast();
  const actions: Column<Rule> = {
    head: "Actions",
    quiet: true,
    align: "right",
    cell: (rule) =>
      onOpen !== null && (
        <RuleMenu
          rule={rule}
          rules={rules}
          saving={saving}
          onOpen={onOpen}
          onRemove={() => setAsking(rule.name)}
        />
      ),
  };
  return (
    <>
      <DataTable
        label="Rules"
        columns={onOpen === null ? COLUMNS : [...COLUMNS, actions]}
        rows={rules}
        rowKey={(rule) => rule.name}
      />
      <Confirm
        open={asking !== null}
        title={`Remove the rule ${asking ?? ""}?`}
        verb="Remove rule"
        busy={saving.busy}
        onClose={() => setAsking(null)}
        onConfirm={() =>
          saving.save(
            rules.filter((rule) => rule.name !== asking),
            () => {
              toast(`${asking} is removed`);
              setAsking(null);
            },
          )
        }
      >
        <FormAlert words={saving.error === null ? [] : [saving.error.message]} />
        <Text>
          Requests that it was for are treated as the other rules say, from this moment on.
        </Text>
      </Confirm>
    </>
  );
}

function RuleMenu(props: {
  rule: Rule;
  rules: readonly Rule[];
  saving: Saving;
  onOpen: (open: Open) => void;
  onRemove: () => void;
}) {
  const { rule, rules, saving, onOpen } = props;
  const at = rules.indexOf(rule);
  const moved = (by: number) =>
    saving.save(rules.toSpliced(at, 1).toSpliced(at + by, 0, rule), () => {});
  const change = (): Open =>
    isShown(rule)
      ? { kind: "rule", index: at, first: draftOf(rule) }
      : { kind: "json", text: JSON.stringify(rules, null, 2) };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="default" aria-label={`Actions for ${rule.name}`}>
          <Dots />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => onOpen(change())}>Change…</Menu.Item>
        <Menu.Item disabled={at === 0 || saving.busy} onClick={() => moved(-1)}>
          Before the one above
        </Menu.Item>
        <Menu.Item disabled={at === rules.length - 1 || saving.busy} onClick={() => moved(1)}>
          After the one below
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item onClick={props.onRemove}>Remove…</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

const COLUMNS: readonly Column<Rule>[] = [
  { head: "Rule", title: true, cell: (rule) => rule.name },
  {
    head: "For",
    prose: true,
    cell: ({ match }) => <span className="tp-break">{matchWords(match)}</span>,
  },
  {
    head: "Does",
    prose: true,
    cell: (rule) => <span className="tp-break">{doesWords(rule).join("; ")}</span>,
  },
];

function matchWords(match: Rule["match"]): string {
  const words = [
    match.path?.join(" or "),
    match.methods?.join(" or "),
    match.forms && `addresses: ${match.forms.join(" or ")}`,
    match.query && `with ${match.query.join(" and ")} in the query`,
    match.headers && `with the fields ${match.headers.join(" and ")}`,
  ].filter((one) => one !== undefined);
  return words.length === 0 ? "every request" : words.join(", ");
}

/** All rules at once, as the network file has them. */
function RulesForm(props: {
  text: string;
  onText: (text: string) => void;
  saving: Saving;
  onClose: () => void;
}) {
  const { saving } = props;
  const [own, setOwn] = useState<string | null>(null);

  function save(): void {
    const rules = rulesIn(props.text);
    setOwn(typeof rules === "string" ? rules : null);
    if (typeof rules !== "string") saving.save(rules, props.onClose);
  }

  const problems = own === null ? sortProblems(saving.error, {}).rest : [own];
  return (
    <Paper className="tp-card" p="lg" component="section">
      <Stack>
        <Title order={2}>Rules</Title>
        <FormAlert words={problems} />
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
        <FormEnds
          verb="Save rules"
          busy={saving.busy}
          onSend={save}
          onClose={props.onClose}
          note="Published at once."
        />
      </Stack>
    </Paper>
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
