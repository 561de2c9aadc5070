import { Anchor, Paper, Stack, Text, Title } from "@mantine/core";
import { useMayEdit } from "../api/lives.ts";
import { useRead } from "../api/queries.ts";
import { LogDelivery } from "../parts/log-delivery.tsx";
import { LogTail } from "../parts/log-tail.tsx";
import { Loaded } from "../parts/states.tsx";
import { Link } from "../router.tsx";
import { pathOf } from "../routes.ts";
import type { SiteTabProps } from "./site.tsx";

/** What caches write down of a site: as it happens, and how its sending to the owner goes. */
export function LogsTab(props: SiteTabProps) {
  const { customer, view } = props;
  const { hostname, logs } = view.site;
  const live = useRead("readLive", { params: { customer, hostname } });
  const mayEdit = useMayEdit();
  const setUp = pathOf("siteTab", { customer, hostname, tab: "set-up" });
  return (
    <Stack>
      {mayEdit && <LogTail customer={customer} hostname={hostname} />}
      {logs === undefined ? (
        <Paper className="tp-card" p="lg" component="section">
          <Title order={2}>Its log is sent nowhere</Title>
          <Text>
            Caches can send it to an address of yours or into a bucket, nothing lost in between:{" "}
            <Anchor component={Link} inherit underline="always" href={setUp}>
              say where in the settings
            </Anchor>
            .
          </Text>
        </Paper>
      ) : (
        <Loaded query={live} bars={[160]}>
          {(data) => (
            <LogDelivery
              logs={data.logs ?? []}
              to={
                logs.s3 === undefined ? logs.to : `${logs.to}, a bucket, by the key ${logs.s3.key}`
              }
            />
          )}
        </Loaded>
      )}
    </Stack>
  );
}
