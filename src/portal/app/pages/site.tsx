import { Tabs } from "@mantine/core";
import { type ComponentType, lazy, Suspense, useEffect, useRef } from "react";
import type { SiteView } from "../../../model/api/mod.ts";
import { useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { Page } from "../parts/page.tsx";
import { Bars, Empty, Loaded } from "../parts/states.tsx";
import { go } from "../router.tsx";
import { pathOf, SITE_TABS } from "../routes.ts";
import { PoolHealth } from "./sites.tsx";

export interface SiteTabProps {
  readonly customer: string;
  readonly view: SiteView;
}

type TabName = (typeof SITE_TABS)[number]["value"];

const PANELS: Readonly<Record<TabName, ComponentType<SiteTabProps>>> = {
  "web-servers": lazy(async () => ({
    default: (await import("./site-web-servers.tsx")).WebServersTab,
  })),
  traffic: lazy(async () => ({ default: (await import("./site-traffic.tsx")).TrafficTab })),
  steering: lazy(async () => ({ default: (await import("./site-steering.tsx")).SteeringTab })),
  rules: lazy(async () => ({ default: (await import("./site-rules.tsx")).RulesTab })),
  purge: lazy(async () => ({ default: (await import("./site-purge.tsx")).PurgeTab })),
  logs: lazy(async () => ({ default: (await import("./site-logs.tsx")).LogsTab })),
  "set-up": lazy(async () => ({ default: (await import("./site-set-up.tsx")).SetUpTab })),
};

export function SitePage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const hostname = props.params.hostname ?? "";
  const sites = useRead("listSites", { params: { customer } });
  const view = sites.data?.find((one) => one.site.hostname === hostname);
  return (
    <Page
      title={hostname}
      up={{ label: "Sites", href: pathOf("sites", { customer }) }}
      words={view === undefined ? undefined : <PoolHealth view={view} />}
    >
      <Loaded query={sites}>
        {() =>
          view === undefined ? (
            <Empty title="There is no such site">
              {hostname} is not among this customer's sites. It may have been removed.
            </Empty>
          ) : (
            <SiteTabs customer={customer} view={view} tab={props.params.tab} />
          )
        }
      </Loaded>
    </Page>
  );
}

function SiteTabs(props: SiteTabProps & { tab: string | undefined }) {
  const { customer, view } = props;
  const hostname = view.site.hostname;
  const tab = props.tab ?? SITE_TABS[0].value;
  const list = useRef<HTMLDivElement>(null);
  // On a phone not all tabs fit side by side: the one that is open is always in sight.
  // biome-ignore lint/correctness/useExhaustiveDependencies: it moves when another tab is open
  useEffect(() => {
    const open = list.current?.querySelector('[aria-selected="true"]');
    open?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [tab]);
  return (
    <Tabs
      value={tab}
      onChange={(value) =>
        value !== null && go(pathOf("siteTab", { customer, hostname, tab: value }))
      }
      keepMounted={false}
    >
      <Tabs.List ref={list} mb="lg" className="tp-tabs">
        {SITE_TABS.map(({ value, label }) => (
          <Tabs.Tab key={value} value={value}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {SITE_TABS.map(({ value }) => {
        const Panel = PANELS[value];
        return (
          <Tabs.Panel key={value} value={value}>
            <Suspense fallback={<Bars heights={[160, 160]} />}>
              <Panel customer={customer} view={view} />
            </Suspense>
          </Tabs.Panel>
        );
      })}
    </Tabs>
  );
}
