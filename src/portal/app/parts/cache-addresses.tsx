import { Anchor, Paper, Stack, Text, Title } from "@mantine/core";
import type { AddressList } from "../../../model/api/mod.ts";
import { useRead } from "../api/queries.ts";
import { CopyLine } from "./copy-line.tsx";
import { Loaded } from "./states.tsx";

const REFRESH_MS = 10_000;
/** Where the list can be had without signing in: see `readAddresses` of the API. */
const LIST = "/api/v1/addresses";

/** From which addresses caches and probes ask web servers, for a firewall of whoever runs those. */
export function CacheAddresses() {
  const signed = useRead("readAddresses", {}, { refreshMs: REFRESH_MS });
  return (
    <Loaded query={signed} bars={[160]}>
      {({ payload }) => (
        <Paper className="tp-card" p="lg" component="section">
          <Stack gap="sm">
            <div>
              <Title order={2}>Addresses that ask your web servers</Title>
              <Text c="dimmed" size="sm">
                Of all caches and probes, for a firewall that lets in nobody else: without the
                probes, your web servers count as down. The list changes as nodes come and go; take
                it, signed, from{" "}
                <Anchor inherit underline="always" href={LIST}>
                  {LIST}
                </Anchor>
                .
              </Text>
            </div>
            <CopyLine what="the addresses" text={addressesIn(payload).join("\n")} />
          </Stack>
        </Paper>
      )}
    </Loaded>
  );
}

function addressesIn(payload: string): string[] {
  const { nodes } = JSON.parse(payload) as AddressList;
  return nodes.flatMap(({ v4, v6 }) => [v4 ?? [], v6 ?? []].flat());
}
