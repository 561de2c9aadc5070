import type { Rule, RuleKey, TtlRow } from "../../../model/rules.ts";

type Setting = Exclude<keyof Rule, "name" | "match">;
type Words = { readonly [S in Setting]: (is: NonNullable<Rule[S]>) => readonly string[] };

/** Named of a list; of the others it is said how many there are. */
const NAMED = 3;

function some(list: readonly (string | number)[]): string {
  const more = list.length - NAMED;
  const named = list.slice(0, NAMED).join(", ");
  return more > 0 ? `${named} and ${more} more` : named;
}

const UNITS = [
  ["d", 86_400],
  ["h", 3600],
  ["min", 60],
] as const;

/** @example secWords(5400) // "90 min" */
function secWords(sec: number): string {
  const unit = UNITS.find(([, long]) => sec > 0 && sec % long === 0);
  return unit === undefined ? `${sec} s` : `${sec / unit[1]} ${unit[0]}`;
}

/** What each setting does, in the order in which it is done. `false` exempts from what later rules say. */
const WORDS: Words = {
  access: ({ allow, deny, allowCountries, denyCountries }) => {
    const only = [...(allow ?? []), ...(allowCountries ?? [])];
    const never = [...(deny ?? []), ...(denyCountries ?? [])];
    const isOnly = allow !== undefined || allowCountries !== undefined;
    const lets = only.length === 0 ? "lets nobody in" : `lets in only ${some(only)}`;
    return [
      ...(isOnly ? [lets] : []),
      ...(never.length > 0 ? [`never lets in ${some(never)}`] : []),
      ...(isOnly || never.length > 0 ? [] : ["lets everybody in"]),
    ];
  },
  rate: (is) =>
    is === false
      ? ["free of later limits"]
      : [`at most ${is.perSec} requests a second of each client, ${is.burst} at once`],
  https: (is) => [is ? "sends plain HTTP to HTTPS" : "leaves plain HTTP as it is"],
  redirect: ({ to, status, keepPath }) => [
    `redirects to ${to}${keepPath ? " and the path" : ""} (${status})`,
  ],
  cors: ({ origins }) => [`answers CORS for ${some(origins)}`],
  signed: (is) =>
    is === false ? ["needs no signature"] : [`only with a signature by ${is.keys.join(" or ")}`],
  key: keyWords,
  request: () => ["edits fields to web servers"],
  ttl: (rows) => rows.map(ttlWords),
  compress: (is) =>
    is === false
      ? ["compresses nothing"]
      : [`compresses ${is === true || is.types === undefined ? "text" : some(is.types)}`],
  response: () => ["edits fields to users"],
  errorPages: (pages) => [`has pages of its own for ${some(pages.flatMap((page) => page.status))}`],
};

function keyWords({ query, headers, cookies, device, country, scheme }: RuleKey): string[] {
  const by = [
    typeof query === "object" && "only" in query && `the parameters ${some(query.only)}`,
    typeof query === "object" && "except" in query && `all parameters but ${some(query.except)}`,
    headers !== undefined && headers.length > 0 && `the fields ${some(headers)}`,
    cookies !== undefined && cookies.length > 0 && `the cookies ${some(cookies)}`,
    device === true && "device",
    country === true && "country",
    scheme === true && "http and https",
  ].filter((one) => one !== false);
  return [
    ...(query === "none" ? ["one object whatever the query"] : []),
    ...(query === "sorted" ? ["one object in whatever order the query is"] : []),
    ...(cookies?.length === 0 ? ["sends on no cookie"] : []),
    ...(by.length > 0 ? [`keeps objects apart by ${by.join(", ")}`] : []),
  ];
}

function ttlWords(row: TtlRow): string {
  const times = [
    [row.edgeSec, "in caches"],
    [row.browserSec, "in browsers"],
    [row.staleWhileRevalidateSec, "more while it is renewed"],
    [row.staleIfErrorSec, "more while web servers fail"],
  ] as const;
  const said = times.flatMap(([sec, words]) =>
    sec === undefined ? [] : [`${secWords(sec)} ${words}`],
  );
  return `keeps ${row.status === undefined ? "answers" : some(row.status)} for ${said.join(", ")}`;
}

/**
 * What a rule does, each thing in a few words.
 *
 * @example doesWords({ name: "a", match: {}, ttl: [{ edgeSec: 86_400 }] }) // ["keeps answers for 1 d in caches"]
 */
export function doesWords(rule: Rule): readonly string[] {
  const words = (Object.keys(WORDS) as Setting[]).flatMap((setting) => of(setting, rule));
  return words.length === 0 ? ["nothing yet"] : words;
}

function of<S extends Setting>(setting: S, rule: Rule): readonly string[] {
  const is = rule[setting];
  return is === undefined ? [] : WORDS[setting](is);
}
