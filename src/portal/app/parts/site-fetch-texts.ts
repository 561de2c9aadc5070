import { FETCH_DEFAULT } from "../../../model/fetch-default.ts";
import type { Site } from "../../../model/site.ts";
import type { SiteFetch } from "../../../model/site-fetch.ts";
import type { Ask } from "../api/client.ts";
import { numberIn } from "./use-texts.ts";

/** The form's fields: for each, the ends of problem paths that belong to it. */
export const FETCH_PATHS = {
  scheme: ["scheme"],
  port: ["port"],
  secret: ["fetch.secret", "fetch.secret.keys", "fetch.secret.keys.0"],
  nextSecret: ["fetch.secret.keys.1"],
  secretField: ["fetch.secret.field"],
  certificate: ["fetch.certificate"],
  s3: ["fetch.s3", "fetch.s3.key"],
  s3Host: ["fetch.s3.host"],
  s3Region: ["fetch.s3.region"],
  s3Prefix: ["fetch.s3.prefix"],
  ca: ["fetch.ca"],
  attempts: ["fetch.attempts"],
  moveOn: ["fetch.moveOn"],
  hedge: ["fetch.hedge"],
  webSockets: ["fetch.webSockets"],
  tiers: ["fetch.tiers"],
} as const;
export type FetchField = keyof typeof FETCH_PATHS;
/** How the form calls each. */
export const FETCH_LABELS = {
  scheme: "They are asked by",
  port: "Port",
  secret: "Secret value",
  nextSecret: "Second value, while it changes",
  secretField: "Field of the secret value",
  certificate: "Client certificate",
  s3: "Access key of the bucket",
  s3Host: "Host of the bucket",
  s3Region: "Region",
  s3Prefix: "Path of the bucket",
  ca: "Authorities of your web servers' certificates",
  attempts: "Web servers asked for one request",
  moveOn: "Answers after which the next is asked",
  hedge: "Ask a second one after",
  webSockets: "WebSockets go through",
  tiers: "Caches ask each other first",
} as const satisfies Readonly<Record<FetchField, string>>;

export type FetchTexts = Readonly<Record<FetchField, string>>;

export function fetchTextsOf(site: Site): FetchTexts {
  const fetch = site.fetch ?? ofDefault();
  return {
    scheme: site.scheme,
    port: String(site.port ?? ""),
    secret: fetch.secret?.keys[0] ?? "",
    nextSecret: fetch.secret?.keys[1] ?? "",
    secretField: fetch.secret?.field ?? "x-origin-secret",
    certificate: fetch.certificate ?? "",
    s3: fetch.s3?.key ?? "",
    s3Host: fetch.s3?.host ?? "",
    s3Region: fetch.s3?.region ?? "us-east-1",
    s3Prefix: fetch.s3?.prefix ?? "",
    ca: fetch.ca ?? "",
    attempts: String(fetch.attempts),
    moveOn: fetch.moveOn.join(", "),
    hedge: String(fetch.hedge ?? ""),
    webSockets: fetch.webSockets === true ? "yes" : "no",
    tiers: fetch.tiers === false ? "no" : "yes",
  };
}

/** The site with the form's fields put in; web servers and rules are left out, so they stay. */
export function fetchBodyOf(site: Site, texts: FetchTexts): Ask<"putSite">["body"] {
  const { hostname: _, origins: __, port: ___, fetch: before, ...kept } = site;
  const port = texts.port.trim();
  const made = fetchOf(texts);
  const same = before === undefined && JSON.stringify(made) === JSON.stringify(ofDefault());
  return {
    ...kept,
    scheme: texts.scheme === "https" ? "https" : "http",
    ...(port === "" ? {} : { port: numberIn(port) }),
    ...(same ? {} : { fetch: made }),
  };
}

/** What holds for a site that says nothing. */
export function ofDefault(): SiteFetch {
  return { moveOn: [...FETCH_DEFAULT.moveOn], attempts: FETCH_DEFAULT.attempts };
}

/** Every setting of a site's `fetch` has its field, so nothing of the one before is carried over. */
function fetchOf(texts: FetchTexts): SiteFetch {
  const hedge = texts.hedge.trim().toLowerCase();
  return {
    moveOn: statusesIn(texts.moveOn),
    attempts: numberIn(texts.attempts),
    ...(texts.ca.trim() !== "" && { ca: texts.ca.trim() }),
    ...(texts.webSockets === "yes" && { webSockets: true }),
    ...(hedge !== "" && { hedge: hedge === "p95" ? "p95" : numberIn(hedge) }),
    ...(texts.tiers === "no" && { tiers: false }),
    ...credentialsOf(texts),
  };
}

function credentialsOf(texts: FetchTexts): Pick<SiteFetch, "secret" | "certificate" | "s3"> {
  const keys = [texts.secret, texts.nextSecret].filter((key) => key !== "");
  const s3 = {
    key: texts.s3,
    host: texts.s3Host.trim(),
    region: texts.s3Region.trim(),
    prefix: texts.s3Prefix.trim(),
  };
  return {
    ...(keys.length > 0 && { secret: { field: texts.secretField.trim(), keys } }),
    ...(texts.certificate !== "" && { certificate: texts.certificate }),
    ...(texts.s3 !== "" && { s3 }),
  };
}

/** `404, 5xx`: what is no number is left as it was typed, for the API to say so. */
function statusesIn(text: string): SiteFetch["moveOn"] {
  const words = text.split(/[\s,]+/).filter((word) => word !== "");
  return words.map((word) => (/^\d+$/.test(word) ? Number(word) : (word.toLowerCase() as "5xx")));
}
