import { NativeSelect, Paper, SimpleGrid, Stack, Text, TextInput, Title } from "@mantine/core";
import type { Site } from "../../../model/site.ts";
import type { Ask } from "../api/client.ts";
import { useRead } from "../api/queries.ts";
import type { SiteAsRead } from "../api/save-site.ts";
import { FormEnds } from "./form-ends.tsx";
import { MERGED, MeanwhileAlert } from "./meanwhile.tsx";
import { FormAlert } from "./states.tsx";
import { storedChoices } from "./stored-choices.ts";
import { type SiteField, useSiteForm } from "./use-site-form.ts";
import { numberIn } from "./use-texts.ts";

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

const LABELS = {
  to: "Send it to",
  format: "Form of its lines",
  each: "One request of",
  everySec: "A batch after, s",
  bucketKey: "Access key of the bucket",
  region: "Region of the bucket",
  signingKey: "Key that signs batches",
} as const satisfies Readonly<Record<Field, string>>;

/** Says where a site's log is sent, in which form, and how much of it. */
export function SiteLogsForm(props: { customer: string; view: SiteAsRead; onClose: () => void }) {
  const form = useSiteForm<Field>({ ...props, labels: LABELS, paths: PATHS, textsOf, bodyOf });
  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={form.submit} noValidate>
      <Stack>
        <div>
          <Title order={2}>Where the log is sent</Title>
          <Text c="dimmed" size="sm">
            Every cache writes down what it served, and sends that in batches until they are taken.
          </Text>
        </div>
        {form.conflict !== null && <MeanwhileAlert words={MERGED} {...form.conflict} />}
        <FormAlert words={form.rest} />
        <Fields customer={props.customer} texts={form.texts} of={form.of} />
        <FormEnds verb="Save" busy={form.busy} onClose={props.onClose} />
      </Stack>
    </Paper>
  );
}

function Fields(props: { customer: string; texts: Texts; of: (name: Field) => SiteField }) {
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
        placeholder="https://logs.shop.example/in"
        description="Takes batches of lines by POST, or is a bucket; empty: nowhere"
        {...of("to")}
      />
      <NativeSelect
        data={Object.entries(LOG_FORMATS).map(([value, label]) => ({ value, label }))}
        {...of("format")}
      />
      <NativeSelect
        data={storedChoices(bucketNames, texts.bucketKey, "None: it is no bucket")}
        description="Of an S3-compatible store; kept under Credentials"
        {...of("bucketKey")}
      />
      {texts.bucketKey === "" ? (
        <NativeSelect
          data={storedChoices(keyNames, texts.signingKey)}
          description="So that whoever takes them knows whose they are; kept under Rules"
          {...of("signingKey")}
        />
      ) : (
        <TextInput {...of("region")} />
      )}
      <TextInput
        inputMode="numeric"
        description="So many is written down; 1: every one"
        {...of("each")}
      />
      <TextInput inputMode="numeric" description="Or once it holds 1 MiB" {...of("everySec")} />
    </SimpleGrid>
  );
}

function textsOf({ logs }: Site): Texts {
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
