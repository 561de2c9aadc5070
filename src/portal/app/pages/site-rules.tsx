import { ActionIcon, Anchor, Button, Group, Menu, NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { Rule } from "../../../model/rules.ts";
import { useMayEdit } from "../api/lives.ts";
import type { SiteAsRead } from "../api/save-site.ts";
import { Confirm } from "../parts/confirm.tsx";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { Dots } from "../parts/dots.tsx";
import { MeanwhileAlert } from "../parts/meanwhile.tsx";
import { type Draft, draftOf, isShown, NEW_DRAFT } from "../parts/rule-draft.ts";
import { type RuleEdit, theirs } from "../parts/rule-edit.ts";
import { RuleForm } from "../parts/rule-form.tsx";
import { doesWords } from "../parts/rule-words.ts";
import { RulesJsonForm } from "../parts/rules-json-form.tsx";
import { SigningKeys } from "../parts/signing-keys.tsx";
import { Empty, FormAlert } from "../parts/states.tsx";
import { useToast } from "../parts/toast.tsx";
import { rulesOf, type SavingRules, useSaveRules } from "../parts/use-save-rules.ts";
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
type Open = { readonly kind: "none" } | OpenJson | OpenRule;
interface OpenJson {
  readonly kind: "json";
  /** The site as it was then. */
  readonly base: SiteAsRead;
  readonly text: string;
}
interface OpenRule {
  readonly kind: "rule";
  readonly base: SiteAsRead;
  /** Null: it is to be a new one. */
  readonly was: Rule | null;
  readonly first: Draft;
}

/** What caches do with a site's requests: the rules in their order, and where they are written. */
export function RulesTab(props: SiteTabProps) {
  const { customer, view } = props;
  const rules = rulesOf(view.site);
  const traffic = pathOf("siteTab", { customer, hostname: view.site.hostname, tab: "traffic" });
  const [open, setOpen] = useState<Open>({ kind: "none" });
  const mayEdit = useMayEdit();
  // Here, for the list goes with its last rule.
  const saving = useSaveRules(customer);
  return (
    <Stack>
      {open.kind !== "none" && (
        <OpenForm
          customer={customer}
          open={open}
          onOpen={setOpen}
          onClose={() => setOpen({ kind: "none" })}
        />
      )}
      {open.kind === "none" && mayEdit && <Starts view={view} onOpen={setOpen} />}
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
            view={view}
            saving={saving}
            onOpen={mayEdit && open.kind === "none" ? setOpen : null}
          />
        </>
      )}
      <SigningKeys customer={customer} />
    </Stack>
  );
}

/** The form of one rule or of all, about the rules as they were when it was opened. */
function OpenForm(props: {
  customer: string;
  open: OpenJson | OpenRule;
  /** As it is by then: people go on typing while it is being saved. */
  onOpen: (change: (open: Open) => Open) => void;
  onClose: () => void;
}) {
  const { open, onOpen, onClose } = props;
  const { base } = open;
  const saving = useSaveRules(props.customer);
  const rules = rulesOf(base.site);
  function save(edit: RuleEdit): void {
    saving.save(base, edit, {
      done: onClose,
      conflict({ now }) {
        if (now !== null) onOpen((is) => upon(now, is));
      },
    });
  }
  const meanwhile = (verb: string, lines: readonly string[]) =>
    saving.conflict !== null && (
      <MeanwhileAlert
        there={saving.conflict.now !== null}
        lines={lines}
        words={`What you typed is below, as you left it. ${verb} puts it in place of theirs.`}
      />
    );
  const words = saving.conflict?.words ?? [];
  if (open.kind === "json") {
    return (
      <RulesJsonForm
        text={open.text}
        onText={(text) => onOpen((is) => (is.kind === "json" ? { ...is, text } : is))}
        theirs={saving.conflict === null ? null : JSON.stringify(rules, null, 2)}
        above={meanwhile("Save rules", words)}
        saving={saving}
        onSave={(is) => save({ kind: "all", is })}
        onClose={onClose}
      />
    );
  }
  const { was, first } = open;
  const index = was === null ? rules.length : rules.findIndex(({ name }) => name === was.name);
  const gone = was === null && first.name !== "" && !rules.some(({ name }) => name === first.name);
  const byNow = [
    ...(was === null
      ? []
      : [`By now ${was.name} ${doesWords(was).join("; ")} (${matchWords(was.match)})`]),
    ...(gone ? [`${first.name} is gone: Save rule adds it again, at the end`] : []),
  ];
  return (
    <RuleForm
      title={was === null ? "Add a rule" : `Change ${first.name}`}
      first={first}
      index={index}
      taken={rules.map(({ name }) => name).filter((name) => name !== was?.name)}
      above={meanwhile("Save rule", [...words, ...byNow])}
      busy={saving.busy}
      error={saving.error}
      onSave={(is) => save({ kind: "put", was, is })}
      onClose={onClose}
    />
  );
}

/** What is open, about the site as others have left it. */
function upon(now: SiteAsRead, open: Open): Open {
  if (open.kind === "none") return open;
  if (open.kind === "json") return { ...open, base: now };
  return { ...open, base: now, was: open.was && theirs(open.was, rulesOf(now.site)) };
}

function jsonOf(base: SiteAsRead): OpenJson {
  return { kind: "json", base, text: JSON.stringify(rulesOf(base.site), null, 2) };
}

/** Ways to a new rule. */
function Starts(props: { view: SiteAsRead; onOpen: (open: Open) => void }) {
  const { view, onOpen } = props;
  const begin = (first: Draft) => onOpen({ kind: "rule", base: view, was: null, first });
  const names = Object.keys(EXAMPLES) as (keyof typeof EXAMPLES)[];
  return (
    <Group align="flex-end">
      <Button onClick={() => begin(NEW_DRAFT)}>Add a rule</Button>
      <NativeSelect
        label="Or begin with an example"
        value=""
        data={[{ value: "", label: "Choose one…" }, ...names]}
        onChange={(e) => {
          const found = names.find((name) => name === e.currentTarget.value);
          if (found !== undefined) begin(draftOf(EXAMPLES[found]));
        }}
      />
      <Button variant="default" onClick={() => onOpen(jsonOf(view))}>
        All as JSON
      </Button>
    </Group>
  );
}

function RuleList(props: {
  view: SiteAsRead;
  saving: SavingRules;
  onOpen: ((open: Open) => void) | null;
}) {
  const { view, saving, onOpen } = props;
  const rules = rulesOf(view.site);
  const [asking, setAsking] = useState<Asking>(null);
  const actions: Column<Rule> = {
    head: "Actions",
    quiet: true,
    align: "right",
    cell: (rule) =>
      onOpen !== null && (
        <RuleMenu
          rule={rule}
          view={view}
          saving={saving}
          onOpen={onOpen}
          onRemove={() => {
            saving.reset();
            setAsking({ rule, base: view });
          }}
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
      <RuleRemoval saving={saving} asking={asking} onAsk={setAsking} />
    </>
  );
}

type Asking = { readonly rule: Rule; readonly base: SiteAsRead } | null;

function RuleRemoval(props: {
  saving: SavingRules;
  asking: Asking;
  onAsk: (asking: Asking) => void;
}) {
  const { asking, onAsk, saving } = props;
  const toast = useToast();
  const name = asking?.rule.name ?? "";
  const close = () => {
    saving.reset();
    onAsk(null);
  };
  function remove(): void {
    if (asking === null) return;
    const edit = { kind: "remove", was: asking.rule } as const;
    saving.save(asking.base, edit, {
      done() {
        toast(`${name} is removed`);
        close();
      },
      conflict({ now }) {
        const rule = now === null ? null : theirs(asking.rule, rulesOf(now.site));
        // Whoever removed it has done what was asked for.
        if (now === null || rule === null) close();
        else onAsk({ rule, base: now });
      },
    });
  }
  const changed = saving.conflict?.words ?? [];
  const met =
    saving.conflict === null ? [] : ["Others changed it: it is not removed yet", ...changed];
  return (
    <Confirm
      open={asking !== null}
      title={`Remove the rule ${name}?`}
      verb="Remove rule"
      busy={saving.busy}
      onClose={close}
      onConfirm={remove}
    >
      <FormAlert words={saving.error === null ? met : [saving.error.message]} />
      <Text>Requests that it was for are treated as the other rules say, from this moment on.</Text>
    </Confirm>
  );
}

function RuleMenu(props: {
  rule: Rule;
  view: SiteAsRead;
  saving: SavingRules;
  onOpen: (open: Open) => void;
  onRemove: () => void;
}) {
  const { rule, view, saving, onOpen } = props;
  const toast = useToast();
  const rules = rulesOf(view.site);
  const at = rules.indexOf(rule);
  const move = (by: -1 | 1) =>
    saving.save(
      view,
      { kind: "move", was: rule, by },
      {
        done() {},
        conflict: () => toast("Others changed the order: nothing was moved", { bad: true }),
      },
    );
  const change = (): Open =>
    isShown(rule) ? { kind: "rule", base: view, was: rule, first: draftOf(rule) } : jsonOf(view);
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon variant="default" aria-label={`Actions for ${rule.name}`}>
          <Dots />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={() => onOpen(change())}>Change…</Menu.Item>
        <Menu.Item disabled={at === 0 || saving.busy} onClick={() => move(-1)}>
          Before the one above
        </Menu.Item>
        <Menu.Item disabled={at === rules.length - 1 || saving.busy} onClick={() => move(1)}>
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
    cell: ({ match }) => <span className="tp-break tp-for">{matchWords(match)}</span>,
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
