import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { ClaimView } from "../../../model/api/mod.ts";
import { useMayEdit } from "../api/lives.ts";
import { useChange, useRead } from "../api/queries.ts";
import { Confirm } from "./confirm.tsx";
import { CopyLine } from "./copy-line.tsx";
import { formatMoment } from "./format.ts";
import { useToast } from "./toast.tsx";

const TTL = 3600;

/** Names that wait until their owner is proven: shown where there are any. */
export function Claims(props: { customer: string }) {
  const { customer } = props;
  const claims = useRead("listClaims", { params: { customer } }, { refreshMs: 10_000 });
  return (claims.data ?? []).map((claim) => <Claim key={claim.name} claim={claim} />);
}

function Claim(props: { claim: ClaimView }) {
  const { claim } = props;
  const params = { customer: claim.customer, name: claim.name };
  const check = useChange("checkClaim");
  const toast = useToast();
  const mayEdit = useMayEdit();

  function look(): void {
    check.mutate(
      { params },
      {
        onSuccess: ({ state, problem }) =>
          toast(
            state === "proven"
              ? `${claim.name} is proven, and served now`
              : `Not yet: ${problem ?? "nothing was seen"}`,
          ),
        onError: (error) => toast(error.message, { bad: true }),
      },
    );
  }

  return (
    <Paper className="tp-card" p="lg" component="section" aria-label={`Claim of ${claim.name}`}>
      <Stack>
        <div>
          <Title order={2} className="tp-break">
            {claim.name} waits for a proof
          </Title>
          <Text>
            It overlaps what another customer has or had. It is served once one of these is seen.
          </Text>
          <Text c="dimmed" size="sm">
            {claim.checkedAt === null
              ? `Asked for ${formatMoment(claim.createdAt)}`
              : `Looked at ${formatMoment(claim.checkedAt)}: ${claim.problem ?? ""}`}
          </Text>
        </div>
        <Proofs claim={claim} />
        {mayEdit && (
          <Group>
            <Button onClick={look} loading={check.isPending}>
              Look now
            </Button>
            <GiveUp claim={claim} />
          </Group>
        )}
      </Stack>
    </Paper>
  );
}

function GiveUp(props: { claim: ClaimView }) {
  const { customer, name } = props.claim;
  const [asking, setAsking] = useState(false);
  const drop = useChange("deleteClaim");
  const toast = useToast();
  function confirm(): void {
    drop.mutate(
      { params: { customer, name } },
      {
        onSuccess: () => toast(`${name} is given up`),
        onError: (error) => toast(error.message, { bad: true }),
        onSettled: () => setAsking(false),
      },
    );
  }
  return (
    <>
      <Button variant="default" onClick={() => setAsking(true)}>
        Give it up…
      </Button>
      <Confirm
        open={asking}
        title={`Give up ${name}?`}
        verb="Give it up"
        busy={drop.isPending}
        onClose={() => setAsking(false)}
        onConfirm={confirm}
      >
        <Text>What was put for it is forgotten, and these proofs count no more.</Text>
      </Confirm>
    </>
  );
}

function Proofs(props: { claim: ClaimView }) {
  return props.claim.proofs.map(({ name, txt, ns }) => (
    <Stack key={name} gap="xs">
      <CopyLine what="the TXT record" text={`${txt.name}. ${TTL} IN TXT "${txt.value}"`} />
      {ns !== null && (
        <>
          <Text size="sm">or the zone above it delegates it to you:</Text>
          <CopyLine
            what="the NS records"
            text={ns.map((server) => `${name}. ${TTL} IN NS ${server}.`).join("\n")}
          />
        </>
      )}
    </Stack>
  ));
}
