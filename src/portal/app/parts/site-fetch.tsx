import { Button, Group, Paper, Title } from "@mantine/core";
import { useState } from "react";
import type { Live, SiteView } from "../../../model/api/mod.ts";
import type { SiteFetch } from "../../../model/site-fetch.ts";
import { useMayEdit } from "../api/lives.ts";
import { formatDay, formatExact } from "./format.ts";
import { SiteFetchForm } from "./site-fetch-form.tsx";
import { ofDefault } from "./site-fetch-texts.ts";

/** How a site's web servers are asked, and the form that changes it. */
export function SiteFetchCard(props: {
  customer: string;
  view: SiteView;
  /** Undefined where none is asked, or nothing is known yet. */
  hedges: Live["hedges"];
}) {
  const { view } = props;
  const [changing, setChanging] = useState(false);
  const mayEdit = useMayEdit();
  if (changing) return <SiteFetchForm {...props} onClose={() => setChanging(false)} />;
  return (
    <Paper className="tp-card" p="lg" component="section">
      <Group justify="space-between" mb="sm">
        <Title order={2}>How they are asked</Title>
        {mayEdit && (
          <Button variant="default" onClick={() => setChanging(true)}>
            Change how they are asked
          </Button>
        )}
      </Group>
      <dl className="tp-facts">
        {factsOf(view, props.hedges).map(([name, value]) => (
          <div key={name} className="tp-fact">
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </Paper>
  );
}

function factsOf(
  { site, authorities }: SiteView,
  hedges: Live["hedges"],
): readonly (readonly [string, string])[] {
  const fetch = site.fetch ?? ofDefault();
  const { secret, certificate, s3, hedge } = fetch;
  const proofs = [
    secret && `${secret.keys.join(", else ")} in the field ${secret.field}`,
    certificate && `the client certificate ${certificate}`,
  ].filter((one) => one !== undefined);
  return [
    ["Scheme and port", `${site.scheme}, ${site.port ?? (site.scheme === "https" ? 443 : 80)}`],
    ["Caches show them", proofs.join(" and ") || "nothing: anybody may ask them"],
    ...(s3 === undefined
      ? []
      : [["They are a bucket", `${s3.host}${s3.prefix}, by ${s3.key}`] as const]),
    ...(authorities === undefined
      ? []
      : [
          [
            "Their certificates are vouched for by",
            authorities.map(authorityWords).join("; "),
          ] as const,
        ]),
    [
      "One request asks",
      `${fetch.attempts} of them at most; the next after ${fetch.moveOn.join(", ") || "no answer only"}`,
    ],
    ["A second one beside a slow one", hedge === undefined ? "never" : hedgeWords(hedge, hedges)],
  ];
}

function authorityWords({ subject, state, notBefore, notAfter }: Authority): string {
  if (state === "ended") return `${subject} (ended ${formatDay(notAfter)}: it vouches for nothing)`;
  if (state === "not-yet") return `${subject} (from ${formatDay(notBefore)})`;
  return `${subject} (until ${formatDay(notAfter)})`;
}

type Authority = NonNullable<SiteView["authorities"]>[number];

function hedgeWords(hedge: NonNullable<SiteFetch["hedge"]>, hedges: Live["hedges"]): string {
  const when = hedge === "p95" ? "where it is slower than 95 of 100" : `after ${hedge} ms`;
  if (hedges === undefined) return when;
  const { asked, won } = hedges;
  return `${when}; ${formatExact(asked)} in the last 5 minutes, ${formatExact(won)} of them faster`;
}
