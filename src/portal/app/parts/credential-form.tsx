import { Alert, NativeSelect, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { CredentialMade, CredentialRow } from "../../../model/api/mod.ts";
import type { Ask } from "../api/client.ts";
import { useChange } from "../api/queries.ts";
import { type SortedProblems, sortProblems } from "./field-problems.ts";
import { FormEnds } from "./form-ends.tsx";
import { PemField } from "./pem-field.tsx";
import { FormAlert } from "./states.tsx";
import { useToast } from "./toast.tsx";

type Kind = CredentialRow["kind"];
type Body = Ask<"putCredential">["body"];

export const KINDS: Readonly<Record<Kind, string>> = {
  value: "Secret field",
  certificate: "Client certificate",
  "access-key": "Access key of a bucket",
};

const PATHS = {
  name: ["name"],
  value: ["value"],
  certificate: ["certificate"],
  privateKey: ["privateKey"],
  id: ["id"],
  secret: ["secret"],
} as const;
type Field = keyof typeof PATHS;
type Texts = Readonly<Record<Exclude<Field, "name">, string>>;
const NOTHING: Texts = { value: "", certificate: "", privateKey: "", id: "", secret: "" };

/** Keeps a credential, or puts another in the place of one. What it is given is never shown again. */
export function CredentialForm(props: {
  customer: string;
  replaces: CredentialRow | null;
  onMade: (made: CredentialMade) => void;
  onClose: () => void;
}) {
  const { customer, replaces, onMade, onClose } = props;
  const [name, setName] = useState(replaces?.name ?? "");
  const [kind, setKind] = useState<Kind>(replaces?.kind ?? "value");
  const [texts, setTexts] = useState(NOTHING);
  const put = useChange("putCredential");
  const toast = useToast();
  const problems = sortProblems(put.error, PATHS);
  function submit(event: FormEvent): void {
    event.preventDefault();
    put.mutate(
      { params: { customer, name: name.trim() }, body: bodyOf(kind, texts) },
      {
        onSuccess(made) {
          toast(`${made.name} is in place`);
          onMade(made);
          onClose();
        },
      },
    );
  }
  const title = replaces === null ? "Add a credential" : `Replace ${replaces.name}`;
  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack>
        <Title order={2}>{title}</Title>
        <FormAlert words={problems.rest} />
        {replaces === null && (
          <NameAndKind
            name={name}
            setName={setName}
            kind={kind}
            setKind={(chosen) => {
              setKind(chosen);
              setTexts(NOTHING);
            }}
            error={problems.fields.name}
          />
        )}
        <Fields
          kind={kind}
          texts={texts}
          set={(field, text) => setTexts((before) => ({ ...before, [field]: text }))}
          errors={problems.fields}
        />
        <Alert color="gray" variant="outline" className="tp-note">
          It is kept encrypted, given to caches only, and never shown again.
        </Alert>
        <FormEnds
          verb={replaces === null ? "Add credential" : "Replace credential"}
          busy={put.isPending}
          disabled={name.trim() === "" || !isFilled(kind, texts)}
          onClose={onClose}
        />
      </Stack>
    </Paper>
  );
}

function NameAndKind(props: {
  name: string;
  setName: (name: string) => void;
  kind: Kind;
  setKind: (kind: Kind) => void;
  error: string | undefined;
}) {
  return (
    <>
      <TextInput
        label="Name"
        description="By which your sites name it"
        placeholder="autumn"
        value={props.name}
        onChange={(e) => props.setName(e.currentTarget.value)}
        error={props.error}
        autoComplete="off"
      />
      <NativeSelect
        label="Kind"
        value={props.kind}
        onChange={(e) => props.setKind(kindOf(e.currentTarget.value))}
        data={Object.entries(KINDS).map(([value, label]) => ({ value, label }))}
      />
    </>
  );
}

function Fields(props: {
  kind: Kind;
  texts: Texts;
  set: (field: keyof Texts, text: string) => void;
  errors: SortedProblems<Field>["fields"];
}) {
  const { kind, texts, set, errors } = props;
  const of = (field: keyof Texts) => ({ value: texts[field], error: errors[field] });
  if (kind === "certificate") {
    return (
      <>
        <PemField
          label="Certificate, then those above it"
          description="PEM: -----BEGIN CERTIFICATE-----"
          onChange={(text) => set("certificate", text)}
          {...of("certificate")}
        />
        <PemField
          label="Private key"
          description="PEM, not encrypted: -----BEGIN PRIVATE KEY-----"
          onChange={(text) => set("privateKey", text)}
          {...of("privateKey")}
        />
      </>
    );
  }
  if (kind === "access-key") {
    return (
      <>
        <TextInput
          label="Access key id"
          onChange={(e) => set("id", e.currentTarget.value)}
          autoComplete="off"
          {...of("id")}
        />
        <TextInput
          type="password"
          label="Secret access key"
          onChange={(e) => set("secret", e.currentTarget.value)}
          autoComplete="new-password"
          {...of("secret")}
        />
      </>
    );
  }
  return (
    <>
      <TextInput
        type="password"
        label="Value"
        description="16 to 512 characters; empty: one is made, and shown once"
        onChange={(e) => set("value", e.currentTarget.value)}
        autoComplete="new-password"
        {...of("value")}
      />
      <Text size="sm" c="dimmed">
        Caches send it in the field that a site says. To change it without a failed request, add
        another, name both, and then remove the first.
      </Text>
    </>
  );
}

function bodyOf(kind: Kind, texts: Texts): Body {
  const { value, certificate, privateKey, id, secret } = texts;
  if (kind === "certificate") return { kind, certificate, privateKey };
  if (kind === "access-key") return { kind, id: id.trim(), secret };
  return value === "" ? { kind } : { kind, value };
}

function isFilled(kind: Kind, { certificate, privateKey, id, secret }: Texts): boolean {
  if (kind === "certificate") return certificate !== "" && privateKey !== "";
  return kind === "value" || (id.trim() !== "" && secret !== "");
}

function kindOf(value: string): Kind {
  return value === "certificate" || value === "access-key" ? value : "value";
}
