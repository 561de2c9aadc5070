import { NativeSelect, Stack, Text } from "@mantine/core";
import { useState } from "react";
import type { ObtainedRow, RevokeReason } from "../../../model/api/mod.ts";
import { useChange } from "../api/queries.ts";
import { Confirm } from "./confirm.tsx";
import { useToast } from "./toast.tsx";

/** As the authority is told (RFC 5280 5.3.1). */
const REASONS: Readonly<Record<RevokeReason, string>> = {
  unspecified: "None in particular",
  "key-compromise": "Others may have its key",
  superseded: "Another takes its place",
  ceased: "The name is no longer used",
};

/** Asks before a certificate that was obtained is revoked, and why it is. */
export function RevokeObtained(props: { row: ObtainedRow | null; onClose: () => void }) {
  const { row, onClose } = props;
  const [reason, setReason] = useState<RevokeReason>("unspecified");
  const [own, theirs] = [useChange("revokeNetworkObtained"), useChange("revokeObtained")];
  const toast = useToast();
  function revoke(): void {
    if (row === null) return;
    const { host, customer } = row;
    const end = {
      onSuccess: () => toast(`The certificate for ${host} is revoked`),
      onError: (error: Error) => toast(error.message, { bad: true }),
      onSettled: onClose,
    };
    const body = { reason };
    if (customer === null) own.mutate({ params: { host }, body }, end);
    else theirs.mutate({ params: { customer, host }, body }, end);
  }
  return (
    <Confirm
      open={row !== null}
      title={`Revoke the certificate for ${row?.host ?? ""}?`}
      verb="Revoke certificate"
      busy={own.isPending || theirs.isPending}
      onClose={onClose}
      onConfirm={revoke}
    >
      <Stack>
        <Text>
          No cache shows it any more, and browsers that ask its authority refuse it for good.
          Another is ordered by itself, within the hour at the latest; until it is there, HTTPS at
          this name fails.
        </Text>
        <NativeSelect
          label="Reason"
          data={Object.entries(REASONS).map(([value, label]) => ({ value, label }))}
          value={reason}
          onChange={(e) => setReason(reasonOf(e.currentTarget.value))}
        />
      </Stack>
    </Confirm>
  );
}

function reasonOf(value: string): RevokeReason {
  return value in REASONS ? (value as RevokeReason) : "unspecified";
}
