import { Button, Group, Paper, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { SiteLogs } from "../../../model/site-logs.ts";
import { useMayEdit } from "../api/lives.ts";
import { useRead } from "../api/queries.ts";
import { LogDelivery } from "../parts/log-delivery.tsx";
import { LogTail } from "../parts/log-tail.tsx";
import { LOG_FORMATS, SiteLogsForm } from "../parts/site-logs-form.tsx";
import { Loaded } from "../parts/states.tsx";
import type { SiteTabProps } from "./site.tsx";

/** What caches write down of a site: as it happens, where it is sent, and how that goes. */
export function LogsTab(props: SiteTabProps) {
  const { customer, view } = props;
  const { hostname, logs } = view.site;
  const live = useRead("readLive", { params: { customer, hostname } });
  const mayEdit = useMayEdit();
  const [changing, setChanging] = useState(false);
  const change = mayEdit && !changing && (
    <Button variant="default" onClick={() => setChanging(true)}>
      {logs === undefined ? "Send it somewhere" : "Change where it is sent"}
    </Button>
  );
  return (
    <Stack>
      {mayEdit && <LogTail customer={customer} hostname={hostname} />}
      {changing && (
        <SiteLogsForm customer={customer} view={view} onClose={() => setChanging(false)} />
      )}
      {logs === undefined && !changing && (
        <Paper className="tp-card" p="lg" component="section">
          <Group justify="space-between">
            <Title order={2}>Its log is sent nowhere</Title>
            {change}
          </Group>
          <Text>
            Caches can send it to an address of yours or into a bucket, nothing lost in between.
          </Text>
        </Paper>
      )}
      {logs !== undefined && (
        <Loaded query={live} bars={[160]}>
          {(data) => <LogDelivery logs={data.logs ?? []} to={wordsOf(logs)} action={change} />}
        </Loaded>
      )}
    </Stack>
  );
}

function wordsOf({ to, s3, key, format, each, everySec }: SiteLogs): string {
  const where = s3 === undefined ? to : `${to}, a bucket, by the key ${s3.key}`;
  const parts = [
    LOG_FORMATS[format],
    each > 1 ? `one request of ${each}` : "every request",
    `a batch after ${everySec} s`,
    ...(key === undefined ? [] : [`signed by ${key}`]),
  ];
  return `${where}: ${parts.join(", ")}`;
}
