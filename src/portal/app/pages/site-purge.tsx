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
import { skipToken, useQuery, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import type { PurgeView } from "../../../model/api/mod.ts";
import type { Ask } from "../api/client.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange, useRead } from "../api/queries.ts";
import { Confirm } from "../parts/confirm.tsx";
import { type SortedProblems, sortProblems } from "../parts/field-problems.ts";
import { useSentFocus } from "../parts/focus.ts";
import { formatMoment, formatNumber, formatSpan } from "../parts/format.ts";
import { namesOf, pathIn, type SiteNames } from "../parts/purge-path.ts";
import { FormAlert, Loaded } from "../parts/states.tsx";
import type { SiteTabProps } from "./site.tsx";

const POLL_MS = 500;
/** Receipts on the page. */
const RECEIPTS_MAX = 20;

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
  const [made, addMade] = useMade(customer, hostname);
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
        onSuccess: ({ number }) => {
          addMade(number);
          setOrder({ ...order, text: "" });
        },
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
      {made.map((number) => (
        <Receipt key={number} number={number} />
      ))}
    </Stack>
  );
}

/** Purges made here, the newest first: kept while people look at other pages, not over a reload. */
function useMade(customer: string, hostname: string) {
  const client = useQueryClient();
  const queryKey = ["purges made", customer, hostname];
  const { data = [] } = useQuery<readonly number[]>({
    queryKey,
    queryFn: skipToken,
    gcTime: Number.POSITIVE_INFINITY,
  });
  const add = (number: number) =>
    client.setQueryData<readonly number[]>(queryKey, (before = []) =>
      [number, ...before.filter((one) => one !== number)].slice(0, RECEIPTS_MAX),
    );
  return [data, add] as const;
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
              {purgeWords(purge)}
            </Title>
            <span className="tp-state" data-tone={missing.length === 0 ? "good" : "warn"}>
              <span className="tp-dot" aria-hidden="true" />
              {progressOf({ purge, acks, missing })}
            </span>
          </Group>
          <Text size="sm" c="dimmed">
            {purge.soft === true ? "Soft purge" : "Purge"} {purge.number}, asked for{" "}
            {formatMoment(purge.atMs)}
          </Text>
          <ul className="tp-receipts">
            {acks.map((ack) => (
              <li key={ack.node}>
                {ack.node}: {purge.soft === true ? "marked" : "gone"} after{" "}
                {formatAfter(ack.atMs - purge.atMs)}
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

function progressOf({ purge, acks, missing }: PurgeView): string {
  const [done, all] = [acks.length, acks.length + missing.length];
  if (all === 0) return "No cache to tell";
  if (done < all) return `${done} of ${formatNumber(all, "cache")} so far`;
  const word = purge.soft === true ? "Marked in" : "Gone from";
  return all === 1 ? `${word} the one cache` : `${word} all ${all} caches`;
}

function purgeWords(purge: PurgeView["purge"]): string {
  if (purge.scope === "site") return `All of ${purge.site}`;
  if (purge.scope === "tag") return `Tag ${purge.path}`;
  return purge.scope === "prefix" ? `${purge.path}*` : purge.path;
}

function formatAfter(ms: number): string {
  return ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : formatSpan(ms);
}
