import {
  ACCOUNTS,
  CLIENTS,
  NEWS,
  NODES,
  PAPER_HOSTNAME,
  PAPER_ZONE,
  SHOP,
  type SitePlace,
  SPARE,
  ZONE,
} from "./layout.ts";
import type { Stage } from "./stage.ts";

/** Every address, port, hostname, account and token of a running demo, for scripts. */
export function describeStage(stage: Stage): Record<string, unknown> {
  const { ports } = stage;
  const account = (who: { readonly email: string; readonly password: string }, token: string) => ({
    email: who.email,
    password: who.password,
    token,
  });
  return {
    zone: ZONE,
    ports,
    dataDir: stage.dataDir,
    networkFile: stage.networkPath,
    control: {
      url: `http://127.0.0.1:${ports.control}`,
      api: `http://127.0.0.1:${ports.control}/api/v1`,
      portal: `http://127.0.0.1:${ports.control}/`,
    },
    commands: `http://127.0.0.1:${ports.command}`,
    nodes: NODES.map((n) => ({ name: n.name, pop: n.pop, address: n.v4, roles: n.roles })),
    nameServers: NODES.filter((n) => n.roles.includes("dns")).map((n) => `${n.v4}:${ports.dns}`),
    clients: CLIENTS.map((c) => ({
      name: c.name,
      prefix: c.prefix,
      user: c.user,
      resolver: `${c.resolver}:${ports.dns}`,
    })),
    sites: [
      describeSite(stage, SHOP, { hostname: SHOP.hostname, onboarding: "delegation" }),
      describeSite(stage, NEWS, { hostname: NEWS.hostname, onboarding: "cname" }),
      describeSite(stage, NEWS, { hostname: PAPER_HOSTNAME, onboarding: "hosted" }),
    ],
    zones: [PAPER_ZONE],
    spareOrigin: SPARE,
    accounts: {
      operator: account(ACCOUNTS.operator, stage.operator.token),
      shop: account(ACCOUNTS.shop, stage.shop.token),
      news: account(ACCOUNTS.news, stage.news.token),
    },
    pids: stage.fleet.pids(),
    firstAnswerMs: Math.round(stage.firstAnswerMs),
  };
}

function describeSite(
  stage: Stage,
  place: SitePlace,
  site: { readonly hostname: string; readonly onboarding: string },
): Record<string, unknown> {
  const { hostname, onboarding } = site;
  const port = stage.ports.http;
  return {
    customer: place.customer,
    hostname,
    onboarding,
    port,
    cname: stage.targets.get(hostname),
    cachePath: `http://c.${ZONE}:${port}/${hostname}/`,
    cacheHost: `http://${hostname}.${ZONE}:${port}/`,
    origins: place.origins.map((o) => ({ name: o.name, address: o.v4 })),
  };
}
