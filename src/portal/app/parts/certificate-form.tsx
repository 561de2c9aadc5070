import { Alert, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { CertificateRow } from "../../../model/api/mod.ts";
import { useChange } from "../api/queries.ts";
import { sortProblems } from "./field-problems.ts";
import { FormEnds } from "./form-ends.tsx";
import { PemField } from "./pem-field.tsx";
import { FormAlert } from "./states.tsx";
import { useToast } from "./toast.tsx";

const PATHS = { name: ["name"], cert: ["cert"], key: ["key"] } as const;

const OF_NETWORK = "For the address that all customers share.";
const OF_SITES = "Its DNS names say for which of your sites.";

/** Whose certificates: a customer's; null: the network's own. */
export type Owner = string | null;

/** Adds a certificate with its key, or one in the place of another. */
export function CertificateForm(props: { customer: Owner; onClose: () => void }) {
  const { customer, onClose } = props;
  const [name, setName] = useState("");
  const [cert, setCert] = useState("");
  const [key, setKey] = useState("");
  const [own, theirs] = [useChange("addNetworkCertificate"), useChange("addCertificate")];
  const add = customer === null ? own : theirs;
  const toast = useToast();
  const problems = sortProblems(add.error, PATHS);
  function submit(event: FormEvent): void {
    event.preventDefault();
    const named = name.trim() === "" ? {} : { name: name.trim() };
    const body = { ...named, cert, key };
    const done = {
      onSuccess(row: CertificateRow) {
        toast(`${row.name} is in place`);
        onClose();
      },
    };
    if (customer === null) own.mutate({ body }, done);
    else theirs.mutate({ params: { customer }, body }, done);
  }
  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack>
        <div>
          <Title order={2}>Add a certificate</Title>
          <Text c="dimmed" size="sm">
            {customer === null ? OF_NETWORK : OF_SITES} The one that follows it takes its place.
          </Text>
        </div>
        <FormAlert words={problems.rest} />
        <PemField
          label="Certificate, then those that lead to its issuer"
          description="PEM: -----BEGIN CERTIFICATE-----"
          value={cert}
          onChange={setCert}
          error={problems.fields.cert}
        />
        <PemField
          label="Private key"
          description="PEM, not encrypted: -----BEGIN PRIVATE KEY-----. It is never shown again."
          value={key}
          onChange={setKey}
          error={problems.fields.key}
        />
        <TextInput
          label="Name"
          description="Default: its first DNS name"
          value={name}
          onChange={(e) => setName(e.currentTarget.value)}
          error={problems.fields.name}
          autoComplete="off"
        />
        <Alert color="gray" variant="outline" className="tp-note">
          The key is kept encrypted, and given to caches only.
        </Alert>
        <FormEnds
          verb="Add certificate"
          busy={add.isPending}
          disabled={cert === "" || key === ""}
          onClose={onClose}
        />
      </Stack>
    </Paper>
  );
}
