import { NativeSelect, Paper, SimpleGrid, Stack, TextInput, Title } from "@mantine/core";
import type { Site } from "../../../model/site.ts";
import type { Ask } from "../api/client.ts";
import type { SiteAsRead } from "../api/save-site.ts";
import { FormEnds } from "./form-ends.tsx";
import { MERGED, MeanwhileAlert } from "./meanwhile.tsx";
import { FormAlert } from "./states.tsx";
import { type SiteField, useSiteForm } from "./use-site-form.ts";
import { numberIn } from "./use-texts.ts";

const PATHS = {
  onboarding: ["onboarding"],
  front: ["front"],
  preset: ["steering.preset", "preset"],
  margin: ["steering.margin", "margin"],
  fallback: ["steering.fallback", "fallback"],
  http: ["check.http.path", "check.http"],
  tcp: ["check.tcp", "check"],
  ftp: ["check.ftp", "check.ftp.path"],
  interval: ["check.intervalMs"],
  timeout: ["check.timeoutMs"],
  limit: ["limitMs"],
  ttl: ["ttlSec"],
  young: ["youngTtlSec"],
  aliases: ["aliases"],
} as const;
type Field = keyof typeof PATHS;
type Texts = Readonly<Record<Field, string>>;

const LABELS = {
  onboarding: "How the name reaches us",
  front: "First address answered with",
  preset: "Steering",
  margin: "Margin",
  fallback: "Fallback address",
  http: "Path to check over HTTP",
  tcp: "Check TCP",
  ftp: "Check FTP",
  interval: "Check every, ms",
  timeout: "A check fails after, ms",
  limit: "Response time of full load, ms",
  ttl: "Answers live for, s",
  young: "And while health changes, s",
  aliases: "Names of your own for caches",
} as const satisfies Readonly<Record<Field, string>>;

/** Changes what is decided for a site; the API publishes it at once. */
export function SiteSettingsForm(props: {
  customer: string;
  view: SiteAsRead;
  onClose: () => void;
}) {
  const form = useSiteForm<Field>({ ...props, labels: LABELS, paths: PATHS, textsOf, bodyOf });
  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={form.submit} noValidate>
      <Stack>
        <Title order={2}>Change settings</Title>
        {form.conflict !== null && <MeanwhileAlert words={MERGED} {...form.conflict} />}
        <FormAlert words={form.rest} />
        <Fields field={form.of} />
        <FormEnds verb="Save" busy={form.busy} onClose={props.onClose} />
      </Stack>
    </Paper>
  );
}

function Fields(props: { field: (name: Field) => SiteField }) {
  const { field } = props;
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
      <NativeSelect data={ONBOARDING} {...field("onboarding")} />
      <NativeSelect data={FRONTS} {...field("front")} />
      <NativeSelect data={PRESETS} {...field("preset")} />
      <TextInput
        description="A client network keeps its server within this much load of the lowest"
        {...field("margin")}
      />
      <TextInput
        description="Answered when no web server can be used; empty: all of them"
        {...field("fallback")}
      />
      <TextInput description="An answer as slow as this counts as load 1" {...field("limit")} />
      <TextInput description="Empty: no HTTP check" {...field("http")} />
      <NativeSelect data={YES_NO} {...field("tcp")} />
      <NativeSelect data={YES_NO} {...field("ftp")} />
      <TextInput {...field("interval")} />
      <TextInput {...field("timeout")} />
      <TextInput {...field("ttl")} />
      <TextInput {...field("young")} />
      <TextInput
        description="Separated by commas; each a CNAME to the second address"
        {...field("aliases")}
      />
    </SimpleGrid>
  );
}

const ONBOARDING = [
  { value: "cname", label: "CNAME" },
  { value: "delegation", label: "NS delegation" },
  { value: "hosted", label: "A zone that we host" },
];
const FRONTS = [
  { value: "servers", label: "Your web servers" },
  { value: "caches", label: "Caches" },
];
const PRESETS = [
  { value: "lowest-load", label: "Lowest load" },
  { value: "nearest-unloaded", label: "Nearest that is unloaded" },
  { value: "latency", label: "Lowest latency" },
  { value: "geographic", label: "Nearest on the map" },
  { value: "weighted", label: "By weight" },
  { value: "failover", label: "The first that is up" },
  { value: "sticky", label: "The same for the same clients" },
];
const YES_NO = [
  { value: "no", label: "No" },
  { value: "yes", label: "Yes" },
];

function textsOf(site: Site): Texts {
  const { steering, check } = site;
  return {
    onboarding: site.onboarding,
    front: site.front,
    preset: steering.preset,
    margin: String(steering.margin),
    fallback: steering.fallback ?? "",
    http: check.http?.path ?? "",
    tcp: check.tcp ? "yes" : "no",
    ftp: check.ftp === null ? "no" : "yes",
    interval: String(check.intervalMs),
    timeout: String(check.timeoutMs),
    limit: String(site.limitMs),
    ttl: String(site.ttlSec),
    young: String(site.youngTtlSec),
    aliases: site.cache.aliases.join(", "),
  };
}

/** The site as it was with the form's fields put in; web servers are left out, so they stay. */
function bodyOf(site: Site, texts: Texts): Ask<"putSite">["body"] {
  const { hostname: _, origins: __, steering, check, cache, ...kept } = site;
  const { fallback: ___, ...steered } = steering;
  const http = texts.http.trim();
  const fallback = texts.fallback.trim();
  return {
    ...kept,
    onboarding: texts.onboarding as Site["onboarding"],
    front: texts.front as Site["front"],
    limitMs: numberIn(texts.limit),
    ttlSec: numberIn(texts.ttl),
    youngTtlSec: numberIn(texts.young),
    steering: {
      ...steered,
      preset: texts.preset as Site["steering"]["preset"],
      margin: numberIn(texts.margin),
      ...(fallback === "" ? {} : { fallback }),
    },
    check: {
      ...check,
      intervalMs: numberIn(texts.interval),
      timeoutMs: numberIn(texts.timeout),
      http: http === "" ? null : { ...check.http, path: http },
      tcp: texts.tcp === "yes",
      ftp: texts.ftp === "yes" ? (check.ftp ?? {}) : null,
    },
    cache: { ...cache, aliases: texts.aliases.split(/[\s,]+/).filter((name) => name !== "") },
  };
}
