import {
  Button,
  Group,
  NativeSelect,
  Paper,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from "@mantine/core";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type FormEvent, useRef, useState } from "react";
import type { SiteView, WhyReply } from "../../../model/api/mod.ts";
import { ApiFault, type Ask, call } from "../api/client.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { sortProblems } from "./field-problems.ts";
import { useSentFocus } from "./focus.ts";
import { FormAlert } from "./states.tsx";
import { useTexts } from "./use-texts.ts";
import { HeldCell, KeyCell, OutcomeCell } from "./why-cells.tsx";
import { Words } from "./why-not.tsx";

type Body = Ask<"why">["body"];
type Row = { readonly node: string; readonly here: WhyReply["caches"][number]["here"] | "silent" };
type Texts = Readonly<Record<"url" | "method" | "client" | "fields", string>>;

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] as const;
const PATHS = { url: ["url"], method: ["method"], client: ["client"], fields: ["fields"] };
const FIRST: Texts = { url: "", method: "GET", client: "", fields: "" };

/** What each cache would do with one request, by the functions that serve, and why it is no hit. */
export function WhyUrl(props: { view: SiteView }) {
  const { view } = props;
  const { texts, field } = useTexts(FIRST);
  const [own, setOwn] = useState<Partial<Texts>>({});
  const [asked, setAsked] = useState<Body | null>(null);
  const answer = useQuery({
    queryKey: ["why", asked],
    queryFn: () => call("why", { body: asked ?? { url: "" } }),
    enabled: asked !== null,
    placeholderData: keepPreviousData,
    refetchOnWindowFocus: false,
    retry: false,
  });
  const button = useRef<HTMLButtonElement>(null);
  useSentFocus(button, answer.isFetching);

  function submit(event: FormEvent): void {
    event.preventDefault();
    const { body, found } = orderOf(texts, view);
    setOwn(found);
    if (Object.keys(found).length > 0) return;
    if (JSON.stringify(asked) === JSON.stringify(body)) void answer.refetch();
    else setAsked(body);
  }

  const problems = problemsOf(answer.error);
  const errorOf = (name: keyof Texts) => own[name] ?? problems.fields[name];
  return (
    <>
      <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
        <Stack>
          <div>
            <Title order={2}>Why is one address no hit?</Title>
            <Text c="dimmed" size="sm">
              Every cache says what it would do with this request. Nothing is fetched.
            </Text>
          </div>
          <FormAlert words={problems.rest} />
          <TextInput
            label="Address"
            description="As users ask for it; or its path alone"
            placeholder={`https://${view.names.cacheHost}/logo.png`}
            {...field("url", errorOf("url"))}
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <NativeSelect
              label="Method"
              data={[...METHODS]}
              {...field("method", errorOf("method"))}
            />
            <TextInput
              label="Client's IP address"
              description="Empty for any"
              placeholder="192.0.2.1"
              {...field("client", errorOf("client"))}
            />
          </SimpleGrid>
          <FieldsField {...field("fields", errorOf("fields"))} />
          <Group>
            <Button type="submit" ref={button} loading={answer.isFetching}>
              Ask every cache
            </Button>
          </Group>
        </Stack>
      </Paper>
      {answer.data !== undefined && answer.error === null && <Answer reply={answer.data} />}
    </>
  );
}

function FieldsField(props: ReturnType<ReturnType<typeof useTexts<keyof Texts>>["field"]>) {
  const { onChange, ...rest } = props;
  return (
    <Textarea
      {...rest}
      label="Request fields"
      description="One a line, as a browser would send them; empty for none"
      placeholder="Cookie: session=1"
      onChange={(event) => onChange(event as never)}
      autosize
      minRows={2}
      maxRows={8}
      classNames={{ input: "tp-mono" }}
    />
  );
}

/** What is asked, and what of it the page itself finds to be wrong. */
function orderOf(texts: Texts, view: SiteView): { body: Body; found: Partial<Texts> } {
  const found: { -readonly [F in keyof Texts]?: string } = {};
  const url = texts.url.trim();
  if (url === "") found.url = "Give an address, or a path such as /logo.png";
  const lines = texts.fields.split("\n").filter((line) => line.trim() !== "");
  if (lines.some((line) => line.indexOf(":") < 1)) {
    found.fields = "Expected a name, a colon and a value in each line";
  }
  const fields = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()] as const;
  });
  const client = texts.client.trim();
  const body = {
    url: url.startsWith("/") ? `https://${view.names.cacheHost}${url}` : url,
    method: METHODS.find((method) => method === texts.method) ?? "GET",
    fields: Object.fromEntries(fields),
    ...(client === "" ? {} : { client }),
  };
  return { body, found };
}

function problemsOf(error: Error | null) {
  if (error instanceof ApiFault && error.status === 404) {
    return { fields: { url: "It leads to none of your sites" }, rest: [] };
  }
  return sortProblems(error, PATHS);
}

const FORMS: Readonly<Record<WhyReply["form"], string>> = {
  first: "its own name",
  host: "the host form of its second address",
  alias: "a name of its own for caches",
  path: "the path form of its second address",
};

function Answer({ reply }: { reply: WhyReply }) {
  const { site, form, about } = reply;
  const rows: Row[] = [
    ...reply.caches,
    ...reply.silent.map((node) => ({ node, here: "silent" as const })),
  ];
  return (
    <Stack gap="xs" aria-live="polite">
      <Text size="sm" className="tp-break">
        Of {site}, named by {FORMS[form]}.
      </Text>
      <DataTable
        label="What each cache would do"
        columns={COLUMNS}
        rows={rows}
        rowKey={(row) => row.node}
      />
      {about.map(({ reason, means, fix }) => (
        <Text key={reason} size="sm">
          <strong>{reason}</strong>: <Words text={means} />. {fix !== null && <Words text={fix} />}
        </Text>
      ))}
    </Stack>
  );
}

const COLUMNS: readonly Column<Row>[] = [
  { head: "Cache", title: true, cell: (row) => row.node },
  { head: "Would", cell: ({ here }) => <OutcomeCell here={here} /> },
  { head: "Holds", prose: true, cell: ({ here }) => <HeldCell here={here} /> },
  { head: "Key and rules", prose: true, cell: ({ here }) => <KeyCell here={here} /> },
];
