import {
  Alert,
  Anchor,
  NativeSelect,
  Paper,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import type { CredentialRow, SiteView } from "../../../model/api/mod.ts";
import type { Site } from "../../../model/site.ts";
import { useRead } from "../api/queries.ts";
import { Link } from "../router.tsx";
import { pathOf } from "../routes.ts";
import { FormEnds } from "./form-ends.tsx";
import { MERGED, MeanwhileAlert } from "./meanwhile.tsx";
import { PemField } from "./pem-field.tsx";
import {
  FETCH_LABELS,
  FETCH_PATHS,
  type FetchField,
  type FetchTexts,
  fetchBodyOf,
  fetchTextsOf,
} from "./site-fetch-texts.ts";
import { FormAlert } from "./states.tsx";
import { storedChoices } from "./stored-choices.ts";
import { type SiteField, useSiteForm } from "./use-site-form.ts";

/** Changes how a site's web servers are asked, and by what caches show them that they are caches. */
export function SiteFetchForm(props: { customer: string; view: SiteView; onClose: () => void }) {
  const { customer, view } = props;
  const form = useSiteForm<FetchField>({
    ...props,
    ...{ labels: FETCH_LABELS, paths: FETCH_PATHS, textsOf: fetchTextsOf, bodyOf: fetchBodyOf },
  });
  const stored = useRead("listCredentials", { params: { customer } }, { refreshMs: false });
  const fields: FieldsProps = {
    texts: form.texts,
    site: view.site,
    names: (kind) => (stored.data ?? []).filter((row) => row.kind === kind).map((row) => row.name),
    of: form.of,
  };
  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={form.submit} noValidate>
      <Stack gap="lg">
        <Title order={2}>How your web servers are asked</Title>
        {form.conflict !== null && <MeanwhileAlert words={MERGED} {...form.conflict} />}
        <FormAlert words={form.rest} />
        <Basics {...fields} />
        <Title order={3}>By what caches show that they are caches</Title>
        <Text size="sm" c="dimmed">
          For web servers that answer nobody else. What the names stand for is kept, encrypted,
          under{" "}
          <Anchor
            component={Link}
            inherit
            underline="always"
            href={pathOf("credentials", { customer })}
          >
            Credentials
          </Anchor>
          .
        </Text>
        <Proofs {...fields} />
        <ChecksNote {...fields} />
        <Title order={3}>A private bucket as web server</Title>
        <Bucket {...fields} />
        <PemField
          label={FETCH_LABELS.ca}
          description="PEM, in place of the public ones. Empty: the public ones. Counts with https"
          value={form.texts.ca}
          onChange={(text) => form.set("ca", text)}
          error={form.errors.ca}
        />
        <FormEnds verb="Save" busy={form.busy} onClose={props.onClose} />
      </Stack>
    </Paper>
  );
}

interface FieldsProps {
  readonly texts: FetchTexts;
  readonly site: Site;
  readonly names: (kind: CredentialRow["kind"]) => readonly string[];
  readonly of: (name: FetchField) => SiteField;
}

const COLUMNS = { base: 1, sm: 2, lg: 3 };

function Basics({ of, texts, site }: FieldsProps) {
  return (
    <SimpleGrid cols={COLUMNS}>
      <NativeSelect data={["http", "https"]} {...of("scheme")} />
      <TextInput
        inputMode="numeric"
        placeholder={texts.scheme === "https" ? "443" : "80"}
        description="Of all of them; a single one may have another"
        {...of("port")}
      />
      <NativeSelect
        data={["1", "2", "3"]}
        description="The next is asked when one does not answer, or lacks the object"
        {...of("attempts")}
      />
      <TextInput
        description="Statuses from 400 to 599, or 5xx, with commas between them"
        {...of("moveOn")}
      />
      <TextInput
        placeholder="never"
        description="p95, or milliseconds from 10 to 10000; for 1 fetch in 20 at most. Empty: never"
        {...of("hedge")}
      />
      <NativeSelect
        data={YES_NO}
        description="Where the network has caches that stand before others"
        {...of("tiers")}
      />
      {site.front === "caches" && <NativeSelect data={YES_NO} {...of("webSockets")} />}
    </SimpleGrid>
  );
}

const YES_NO = [
  { value: "yes", label: "Yes" },
  { value: "no", label: "No" },
];

function Proofs({ of, texts, names }: FieldsProps) {
  const values = names("value");
  return (
    <SimpleGrid cols={COLUMNS}>
      <NativeSelect
        data={storedChoices(values, texts.secret)}
        description="Goes with each request, in the field beside this"
        {...of("secret")}
      />
      <TextInput {...of("secretField")} />
      <NativeSelect
        data={storedChoices(values, texts.nextSecret)}
        description="Goes where the first is not stored"
        {...of("nextSecret")}
      />
      <NativeSelect
        data={storedChoices(names("certificate"), texts.certificate)}
        description="For web servers that ask for one (mutual TLS)"
        {...of("certificate")}
      />
    </SimpleGrid>
  );
}

/** What takes all of them down at once, unless one knows it. */
function ChecksNote({ texts, site }: FieldsProps) {
  const { http } = site.check;
  const isShown = [texts.secret, texts.nextSecret, texts.certificate].some((name) => name !== "");
  if (http === null || !isShown) return null;
  return (
    <Alert color="yellow" variant="outline" className="tp-note">
      Checks of health show none of these: let your web servers answer {http.path} to everybody, or
      they count as down. Checks by TCP ask for nothing.
    </Alert>
  );
}

function Bucket({ of, texts, names }: FieldsProps) {
  const used = texts.s3 !== "";
  return (
    <SimpleGrid cols={COLUMNS}>
      <NativeSelect
        data={storedChoices(names("access-key"), texts.s3)}
        description="None: your web servers are no bucket"
        {...of("s3")}
      />
      {used && (
        <>
          <TextInput placeholder="media.s3.eu-central-1.amazonaws.com" {...of("s3Host")} />
          <TextInput {...of("s3Region")} />
          <TextInput
            placeholder="/media"
            description="Only where its name stands in the path"
            {...of("s3Prefix")}
          />
        </>
      )}
    </SimpleGrid>
  );
}
