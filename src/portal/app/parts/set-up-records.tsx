import { Paper, Stack, Text, Title } from "@mantine/core";
import type { SiteView } from "../../../model/api/mod.ts";
import { CopyLine } from "./copy-line.tsx";
import { HostFormNote } from "./obtained.tsx";

const TTL = 3600;

/** The second address of one object: without a scheme where ports are the standard ones. */
function addressOf(view: SiteView, place: string): string {
  const { http, https } = view.ports;
  if (http === 80 && https === 443) return `//${place}/logo.png`;
  return `http://${place.replace(/^[^/]+/, (host) => `${host}:${http}`)}/logo.png`;
}

/** The DNS records that bring a site's first address to us, ready to be copied; and the second address. */
export function SetUpRecords(props: { view: SiteView }) {
  const { site, names } = props.view;
  const { hostname, onboarding } = site;
  return (
    <Paper className="tp-card" p="lg" component="section">
      <Stack>
        <Title order={2}>Put these records in place</Title>
        {onboarding === "delegation" && (
          <>
            <Text>
              In the zone that holds {hostname}, delegate this one name to our name servers. Remove
              any A, AAAA or CNAME record it has there.
            </Text>
            <CopyLine
              what="the NS records"
              text={names.nameServers.map((ns) => `${hostname}. ${TTL} IN NS ${ns}.`).join("\n")}
            />
          </>
        )}
        {onboarding === "cname" && (
          <>
            <Text>
              In the zone that holds {hostname}, replace its A and AAAA records by this one. It
              cannot stand at a zone's own apex.
            </Text>
            <CopyLine
              what="the CNAME record"
              text={`${hostname}. ${TTL} IN CNAME ${names.cname}.`}
            />
          </>
        )}
        {onboarding === "hosted" && (
          <>
            <Text>
              We hold the zone of {hostname}. At the zone's registrar, name these as its name
              servers.
            </Text>
            <CopyLine what="the NS hosts" text={names.nameServers.join("\n")} />
          </>
        )}
        <Title order={3}>Then let pages name static objects by the second address</Title>
        <Text>
          Both forms lead to the nearest unloaded cache. The path form needs no certificate of its
          own; the host form keeps absolute paths as they are.
        </Text>
        <CopyLine what="the path form" text={addressOf(props.view, names.cachePath)} />
        <CopyLine what="the host form" text={addressOf(props.view, names.cacheHost)} />
        <HostFormNote customer={props.view.customer} host={names.cacheHost} />
        {site.cache.aliases.length > 0 && (
          <>
            <Text>Names of your own for caches, each with a CNAME:</Text>
            <CopyLine
              what="the alias records"
              text={site.cache.aliases
                .map((alias) => `${alias}. ${TTL} IN CNAME ${names.cacheHost}.`)
                .join("\n")}
            />
          </>
        )}
      </Stack>
    </Paper>
  );
}
