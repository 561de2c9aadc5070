import { NativeSelect, Paper, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import type { FormEvent } from "react";
import type { Site } from "../../../model/site.ts";
import type { Ask } from "../api/client.ts";
import { useChange, useRead } from "../api/queries.ts";
import { sortProblems } from "./field-problems.ts";
import { FormEnds } from "./form-ends.tsx";
import { FormAlert } from "./states.tsx";
import { storedChoices } from "./stored-choices.ts";
import { useToast } from "./toast.tsx";
import { numberIn, useTexts } from "./use-texts.ts";

const PATHS = {
  to: ["logs.to", "logs"],
  format: ["logs.format"],
  each: ["logs.each"],
  everySec: ["logs.everySec"],
  bucketKey: ["logs.s3.key", "logs.s3"],
  region: ["logs.s3.region"],
  signingKey: ["logs.key"],
} as const;
type Field = keyof typeof PATHS;
type Texts = Readonly<Record<Field, string>>;

export const LOG_FORMATS = {
  json: "JSON lines",
  combined: "Combined, as Apache writes it",
} as const;

/** Says where a site's log is sent, in which form, and how much of it. */
export function SiteLogsForm(props: { customer: string; site: Site; onClose: () => void }) {
  const { customer, site } = props;
  const { texts, field } = useTexts<Field>(textsOf(site.logs));
  const put = useChange("putSite");
  const toast = useToast();
  const problems = sortProblems(put.error, PATHS);
  const errors: { readonly [F in Field]?: string } = problems.fields;

  function submit(event: FormEvent): void {
    event.preventDefault();
    put.mutate(
      { params: { customer, hostname: site.hostname }, body: bodyOf(site, texts) },
      {
        onSuccess({ snapshot }) {
          toast(snapshot === null ? "Nothing changed" : `Changed, in snapshot ${snapshot}`);
          props.onClose();
        },
      },
    );
  }

  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack>
        <div>
          <Title order={2}>Where the log is sent</Title>
          <Text c="dimmed" size="sm">
            Every cache writes down what it served, and sends that in batches until they are taken.
          </Text>
        </div>
        <FormAlert words={problems.rest} />
        <Fields customer={customer} texts={texts} of={(name) => field(name, errors[name])} />
        <FormEnds verb="Save" busy={put.isPending} onClose={props.onClose} />
      </Stack>
    </Paper>
  );
}

function Fields(props: {
  customer: string;
  texts: Texts;
  of: (name: Field) => ReturnType<ReturnType<typeof useTexts<Field>>["field"]>;
}) {
  const { texts, of } = props;
  const ask = { params: { customer: props.customer } };
  const credentials = useRead("listCredentials", ask, { refreshMs: false }).data ?? [];
  const keys = useRead("listSigningKeys", ask, { refreshMs: false }).data ?? [];
  const ofBuckets = credentials.filter((row) => row.kind === "access-key");
  const bucketNames = ofBuckets.map((row) => row.name);
  const keyNames = keys.map((row) => row.name);
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
      <TextInput
        label="Send it to"
        placeholder="https://logs.shop.example/in"
        description="Takes batches of lines by POST, or is a bucket; empty: nowhere"
        {...of("to")}
      />
      <NativeSelect
        label="Form of its lines"
        data={Object.entries(LOG_FORMATS).map(([value, label]) => ({ value, label }))}
        {...of("format")}
      />
      <NativeSelect
        label="Access key of the bucket"
        data={storedChoices(bucketNames, texts.bucketKey, "None: it is no bucket")}
        description="Of an S3-compatible store; kept under Credentials"
        {...of("bucketKey")}
      />
      {texts.bucketKey === "" ? (
        <NativeSelect
          label="Key that signs batches"
          data={storedChoices(keyNames, texts.signingKey)}
          description="So that whoever takes them knows whose they are; kept under Rules"
          {...of("signingKey")}
        />
      ) : (
        <TextInput label="Region of the bucket" {...of("region")} />
      )}
      <TextInput
        label="One request of"
        inputMode="numeric"
        description="So many is written down; 1: every one"
        {...of("each")}
      />
      <TextInput
        label="A batch after, s"
        inputMode="numeric"
        description="Or once it holds 1 MiB"
        {...of("everySec")}
      />
    </SimpleGrid>
  );
}

function textsOf(logs: Site["logs"]): Texts {
  return {
    to: logs?.to ?? "",
    format: logs?.format ?? "json",
    each: String(logs?.each ?? 1),
    everySec: String(logs?.everySec ?? 10),
    bucketKey: logs?.s3?.key ?? "",
    region: logs?.s3?.region ?? "us-east-1",
    signingKey: logs?.key ?? "",
  };
}

/** The site with the form's fields put in; web servers are left out, so they stay. */
function bodyOf(site: Site, texts: Texts): Ask<"putSite">["body"] {
  const { hostname: _, origins: __, logs: ___, ...kept } = site;
  const to = texts.to.trim();
  if (to === "") return kept;
  const { bucketKey, signingKey } = texts;
  const s3 = { key: bucketKey, region: texts.region.trim() };
  return {
    ...kept,
    logs: {
      to,
      format: texts.format === "combined" ? "combined" : "json",
      each: numberIn(texts.each),
      everySec: numberIn(texts.everySec),
      ...(bucketKey !== "" && { s3 }),
      ...(bucketKey === "" && signingKey !== "" && { key: signingKey }),
    },
  };
}
