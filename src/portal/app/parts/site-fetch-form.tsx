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
import type { FormEvent } from "react";
import type { CredentialRow } from "../../../model/api/mod.ts";
import type { Site } from "../../../model/site.ts";
import { useChange, useRead } from "../api/queries.ts";
import { Link } from "../router.tsx";
import { pathOf } from "../routes.ts";
import { sortProblems } from "./field-problems.ts";
import { FormEnds } from "./form-ends.tsx";
import { PemField } from "./pem-field.tsx";
import {
  FETCH_PATHS,
  type FetchField,
  type FetchTexts,
  fetchBodyOf,
  fetchTextsOf,
} from "./site-fetch-texts.ts";
import { FormAlert } from "./states.tsx";
import { storedChoices } from "./stored-choices.ts";
import { useToast } from "./toast.tsx";
import { useTexts } from "./use-texts.ts";

/** Changes how a site's web servers are asked, and by what caches show them that they are caches. */
export function SiteFetchForm(props: { customer: string; site: Site; onClose: () => void }) {
  const { customer, site } = props;
  const { texts, set, field } = useTexts<FetchField>(fetchTextsOf(site));
  const stored = useRead("listCredentials", { params: { customer } }, { refreshMs: false });
  const put = useChange("putSite");
  const toast = useToast();
  const problems = sortProblems(put.error, FETCH_PATHS);
  const errors: { readonly [F in FetchField]?: string } = problems.fields;
  const fields: FieldsProps = {
    texts,
    site,
    names: (kind) => (stored.data ?? []).filter((row) => row.kind === kind).map((row) => row.name),
    of: (name) => field(name, errors[name]),
  };

  function submit(event: FormEvent): void {
    event.preventDefault();
    put.mutate(
      { params: { customer, hostname: site.hostname }, body: fetchBodyOf(site, texts) },
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
      <Stack gap="lg">
        <Title order={2}>How your web servers are asked</Title>
        <FormAlert words={problems.rest} />
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
          label="Authorities of your web servers' certificates"
          description="PEM, in place of the public ones. Empty: the public ones. Counts with https"
          value={texts.ca}
          onChange={(text) => set("ca", text)}
          error={errors.ca}
        />
        <FormEnds verb="Save" busy={put.isPending} onClose={props.onClose} />
      </Stack>
    </Paper>
  );
}

interface FieldsProps {
  readonly texts: FetchTexts;
  readonly site: Site;
  readonly names: (kind: CredentialRow["kind"]) => readonly string[];
  readonly of: (name: FetchField) => ReturnType<ReturnType<typeof useTexts<FetchField>>["field"]>;
}

const COLUMNS = { base: 1, sm: 2, lg: 3 };

function Basics({ of, texts, site }: FieldsProps) {
  return (
    <SimpleGrid cols={COLUMNS}>
      <NativeSelect label="They are asked by" data={["http", "https"]} {...of("scheme")} />
      <TextInput
        label="Port"
        inputMode="numeric"
        placeholder={texts.scheme === "https" ? "443" : "80"}
        description="Of all of them; a single one may have another"
        {...of("port")}
      />
      <NativeSelect
        label="Web servers asked for one request"
        data={["1", "2", "3"]}
        description="The next is asked when one does not answer, or lacks the object"
        {...of("attempts")}
      />
      <TextInput
        label="Answers after which the next is asked"
        description="Statuses from 400 to 599, or 5xx, with commas between them"
        {...of("moveOn")}
      />
      <TextInput
        label="Ask a second one after"
        placeholder="never"
        description="p95, or milliseconds from 10 to 10000; for 1 fetch in 20 at most. Empty: never"
        {...of("hedge")}
      />
      <NativeSelect
        label="Caches ask each other first"
        data={YES_NO}
        description="Where the network has caches that stand before others"
        {...of("tiers")}
      />
      {site.front === "caches" && (
        <NativeSelect label="WebSockets go through" data={YES_NO} {...of("webSockets")} />
      )}
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
        label="Secret value"
        data={storedChoices(values, texts.secret)}
        description="Goes with each request, in the field beside this"
        {...of("secret")}
      />
      <TextInput label="Field of the secret value" {...of("secretField")} />
      <NativeSelect
        label="Second value, while it changes"
        data={storedChoices(values, texts.nextSecret)}
        description="Goes where the first is not stored"
        {...of("nextSecret")}
      />
      <NativeSelect
        label="Client certificate"
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
        label="Access key of the bucket"
        data={storedChoices(names("access-key"), texts.s3)}
        description="None: your web servers are no bucket"
        {...of("s3")}
      />
      {used && (
        <>
          <TextInput
            label="Host of the bucket"
            placeholder="media.s3.eu-central-1.amazonaws.com"
            {...of("s3Host")}
          />
          <TextInput label="Region" {...of("s3Region")} />
          <TextInput
            label="Path of the bucket"
            placeholder="/media"
            description="Only where its name stands in the path"
            {...of("s3Prefix")}
          />
        </>
      )}
    </SimpleGrid>
  );
}
