import { SimpleGrid, Stack } from "@mantine/core";
import { useMemo } from "react";
import type { Live } from "../../../model/api/mod.ts";
import { useRead } from "../api/queries.ts";
import { Chart, type Series } from "../parts/chart.tsx";
import {
  formatBandwidth,
  formatCount,
  formatLoad,
  formatPercent,
  formatRate,
} from "../parts/format.ts";
import { Empty, Loaded } from "../parts/states.tsx";
import { Stats } from "../parts/stats.tsx";
import { WhyNot } from "../parts/why-not.tsx";
import { WhyUrl } from "../parts/why-url.tsx";
import type { SiteTabProps } from "./site.tsx";

export function TrafficTab(props: SiteTabProps) {
  const { customer, view } = props;
  const live = useRead("readLive", { params: { customer, hostname: view.site.hostname } });
  return (
    <Loaded query={live} bars={[72, 280, 280]}>
      {(data) => (
        <Stack>
          {data.history.length < 2 ? (
            <Empty title="No traffic seen yet">
              Figures appear here a few seconds after the first lookup of {view.site.hostname}.
            </Empty>
          ) : (
            <>
              <Graphs live={data} />
              <WhyNot customer={customer} hostname={view.site.hostname} />
            </>
          )}
          <WhyUrl view={view} />
        </Stack>
      )}
    </Loaded>
  );
}

function Graphs(props: { live: Live }) {
  const { live } = props;
  const site = useMemo(() => siteSeries(live), [live]);
  const each = useMemo(() => originSeries(live), [live]);
  return (
    <Stack>
      <Stats
        list={[
          { label: "Lookups", value: formatRate(live.lookupsPerSec) },
          { label: "Requests at caches", value: formatRate(live.edge.requestsPerSec) },
          { label: "Hit ratio", value: formatPercent(live.edge.hitRatio) },
          { label: "Sent by caches", value: formatBandwidth(live.edge.bytesPerSec) },
        ]}
      />
      <SimpleGrid cols={{ base: 1, lg: 2 }}>
        <Chart
          title="Lookups answered with each address"
          times={each.times}
          series={each.lookups}
          format={formatRate}
          least={1}
        />
        <Chart
          title="Load of each web server"
          times={each.times}
          series={each.loads}
          format={formatLoad}
          least={1}
        />
        <Chart
          title="Requests at caches"
          times={site.times}
          series={site.requests}
          format={formatRate}
          least={1}
        />
        <Chart
          title="Hit ratio at caches"
          times={site.times}
          series={site.ratio}
          format={formatPercent}
          least={1}
        />
        <Chart
          title="Sent by caches"
          times={site.times}
          series={site.bytes}
          format={formatBandwidth}
        />
        <Chart
          title="Fetched from each web server on a miss"
          times={each.times}
          series={each.fetches}
          format={(value) => `${formatCount(value)}/s`}
          least={1}
        />
      </SimpleGrid>
    </Stack>
  );
}

function siteSeries(live: Live) {
  const moments = live.history;
  return {
    times: moments.map((m) => m.atMs / 1000),
    requests: [
      { label: "Requests", values: moments.map((m) => m.requestsPerSec) },
      { label: "Hits", values: moments.map((m) => m.hitsPerSec) },
    ],
    ratio: [{ label: "Hit ratio", values: moments.map((_, i) => ratioAt(moments, i)) }],
    bytes: [{ label: "Sent", values: moments.map((m) => m.bytesPerSec) }],
  };
}

/** Of the last few moments together: with little traffic, one moment's ratio says nothing. */
const RATIO_MOMENTS = 5;

function ratioAt(moments: Live["history"], index: number): number | null {
  const span = moments.slice(Math.max(0, index + 1 - RATIO_MOMENTS), index + 1);
  const requests = span.reduce((sum, m) => sum + m.requestsPerSec, 0);
  return requests === 0 ? null : span.reduce((sum, m) => sum + m.hitsPerSec, 0) / requests;
}

/** Web servers come and go: each has its own moments, put onto one axis here. */
function originSeries(live: Live) {
  const all = new Set(live.origins.flatMap((origin) => origin.history.map((m) => m.atMs)));
  const times = [...all].sort((a, b) => a - b);
  type Moment = Live["origins"][number]["history"][number];
  function lines(value: (moment: Moment) => number | null): readonly Series[] {
    return live.origins.map((origin) => {
      const known = new Map(origin.history.map((m) => [m.atMs, m]));
      return {
        label: `${origin.name} ${origin.v4 ?? origin.v6 ?? ""}`,
        values: times.map((atMs) => {
          const moment = known.get(atMs);
          return moment === undefined ? null : value(moment);
        }),
      };
    });
  }
  return {
    times: times.map((atMs) => atMs / 1000),
    lookups: lines((m) => m.lookupsPerSec),
    loads: lines((m) => m.load),
    fetches: lines((m) => m.fetchesPerSec),
  };
}
