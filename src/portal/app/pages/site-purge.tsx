import {
  Button,
  Checkbox,
  Group,
  Paper,
  Radio,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import type { Ask } from "../api/client.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange } from "../api/queries.ts";
import { Confirm } from "../parts/confirm.tsx";
import { type SortedProblems, sortProblems } from "../parts/field-problems.ts";
import { useSentFocus } from "../parts/focus.ts";
import { PurgeList } from "../parts/purge-list.tsx";
import { namesOf, pathIn, type SiteNames } from "../parts/purge-path.ts";
import { FormAlert } from "../parts/states.tsx";
import type { SiteTabProps } from "./site.tsx";

type PurgeBody = Ask<"createPurge">["body"];

/** What can be purged at once, and how the one field is called for each. */
const SCOPES = {
  path: {
    label: "One URL",
    field: "Path",
    words: "With its query, if it has one; or the whole address. Every variant of the URL goes.",
    example: "/logo.png",
  },
  prefix: {
    label: "Everything below a path",
    field: "Path prefix",
    words: "Every URL whose path begins so.",
    example: "/images/",
  },
  tag: {
    label: "Everything with a tag",
    field: "Tag",
    words: "From the Surrogate-Key or Cache-Tag fields of your web servers' answers.",
    example: "product-17",
  },
  all: { label: "The whole site", field: null, words: "", example: "" },
} as const;
type Scope = keyof typeof SCOPES;

interface Order {
  readonly scope: Scope;
  readonly text: string;
  readonly soft: boolean;
}

export function PurgeTab(props: SiteTabProps) {
  const { customer, view } = props;
  const { hostname } = view.site;
  const [order, setOrder] = useState<Order>({ scope: "path", text: "", soft: false });
  const [asking, setAsking] = useState(false);
  const [own, setOwn] = useState<string | null>(null);
  const purge = useChange("createPurge");
  const names = namesOf(view);

  function submit(): void {
    const read = bodyOf(order, names);
    setOwn("problem" in read ? read.problem : null);
    if ("problem" in read) purge.reset();
    else if (order.scope === "all") setAsking(true);
    else send(read);
  }
  function send(body: PurgeBody): void {
    purge.mutate(
      { params: { customer, hostname }, body },
      {
        onSuccess: () => setOrder({ ...order, text: "" }),
        onSettled: () => setAsking(false),
      },
    );
  }

  return (
    <Stack>
      <PurgeForm
        order={order}
        onChange={(next) => {
          setOrder(next);
          setOwn(null);
          if (next.scope !== order.scope) purge.reset();
        }}
        problems={
          own === null
            ? sortProblems(purge.error, { text: ["path", "prefix", "tag"] })
            : { fields: { text: own }, rest: [] }
        }
        busy={purge.isPending}
        onSubmit={submit}
      />
      <Confirm
        open={asking}
        title={`Purge all of ${hostname}?`}
        verb="Purge everything"
        busy={purge.isPending}
        onClose={() => setAsking(false)}
        onConfirm={() => send({ all: true, ...softly(order) })}
      >
        <Text>
          {order.soft
            ? "Your web servers are asked about every object before it is served again."
            : "Every object is fetched from your web servers again when it is next asked for."}
        </Text>
      </Confirm>
      <PurgeList customer={customer} hostname={hostname} />
    </Stack>
  );
}

function PurgeForm(props: {
  order: Order;
  onChange: (order: Order) => void;
  problems: SortedProblems<"text">;
  busy: boolean;
  onSubmit: () => void;
}) {
  const { order, onChange, problems } = props;
  const { field, words, example } = SCOPES[order.scope];
  const mayEdit = useMayEdit();
  const button = useRef<HTMLButtonElement>(null);
  useSentFocus(button, props.busy);

  function submit(event: FormEvent): void {
    event.preventDefault();
    props.onSubmit();
  }

  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack>
        <Title order={2}>Purge from every cache</Title>
        <FormAlert words={problems.rest} />
        <ScopeChoice
          scope={order.scope}
          disabled={!mayEdit}
          onChange={(scope) => onChange({ ...order, scope })}
        />
        {field !== null && (
          <TextInput
            label={field}
            description={words}
            placeholder={example}
            value={order.text}
            onChange={(e) => onChange({ ...order, text: e.currentTarget.value })}
            error={problems.fields.text}
            disabled={!mayEdit}
            autoComplete="off"
            spellCheck={false}
          />
        )}
        <Checkbox
          label="Keep it until your web servers are asked"
          description="A soft purge: what has not changed is not fetched again."
          checked={order.soft}
          onChange={(e) => onChange({ ...order, soft: e.currentTarget.checked })}
          disabled={!mayEdit}
        />
        <Group>
          <Button type="submit" ref={button} loading={props.busy} disabled={!mayEdit}>
            Purge
          </Button>
          {!mayEdit && <Text c="dimmed">Your role only reads.</Text>}
        </Group>
      </Stack>
    </Paper>
  );
}

function ScopeChoice(props: { scope: Scope; disabled: boolean; onChange: (scope: Scope) => void }) {
  return (
    <Radio.Group
      label="What to purge"
      value={props.scope}
      onChange={(value) => props.onChange(value as Scope)}
    >
      <Group mt="xs">
        {Object.entries(SCOPES).map(([value, { label }]) => (
          <Radio key={value} value={value} label={label} disabled={props.disabled} />
        ))}
      </Group>
    </Radio.Group>
  );
}

function bodyOf(order: Order, names: SiteNames): PurgeBody | { readonly problem: string } {
  const { scope, text } = order;
  const soft = softly(order);
  if (scope === "all") return { all: true, ...soft };
  if (scope === "tag") return { tag: text.trim(), ...soft };
  if (scope === "path" && text.trim().endsWith("*")) {
    return { problem: `A * stands for itself here: choose “${SCOPES.prefix.label}”` };
  }
  // Elsewhere a star at the end says what this choice says already.
  const read = pathIn(scope === "prefix" ? text.trim().replace(/\*$/, "") : text, names);
  return "problem" in read ? read : { [scope]: read.path, ...soft };
}

function softly({ soft }: Order): Pick<PurgeBody, "soft"> {
  return soft ? { soft: true } : {};
}
