import type { Rule } from "../../../model/rules.ts";

/** How a field is typed and what becomes of it. */
export type Kind = "text" | "number" | "list" | "lines" | "flag" | "choice";

export interface Field {
  /** That of the model, where it is one of its settings. */
  readonly name: string;
  readonly label: string;
  readonly kind: Kind;
  readonly words?: string;
  readonly example?: string;
  /** Of a choice; the first is what holds unless something else is said. */
  readonly choices?: readonly (readonly [value: string, label: string])[];
  /** What a new one begins with; a flag that has it is always sent. */
  readonly first?: string;
  /** It cannot be left out. */
  readonly need?: true;
}

export type PartName = Exclude<keyof Rule, "name">;

export interface Part {
  readonly label: string;
  readonly words: string;
  readonly fields: readonly Field[];
  /** It is a list: how one more is asked for. */
  readonly more?: string;
}

const QUERIES = [
  ["all", "All of it, as it is"],
  ["sorted", "All of it, parameters in one order"],
  ["none", "None of it"],
  ["only", "Only these parameters"],
  ["except", "All parameters but these"],
] as const;

const COOKIES = [
  ["all", "As they come; answers to them are kept only if they say so"],
  ["none", "None is sent on"],
  ["only", "Only these"],
] as const;

const edits = (whom: string): readonly Field[] => [
  {
    ...{ name: "set", label: "Set", kind: "lines", example: "X-Frame-Options: DENY" },
    words: `One a line. In place of what ${whom} says`,
  },
  {
    ...{ name: "add", label: "Add", kind: "lines", example: "Link: </a.css>; rel=preload" },
    words: `One a line. Beside what ${whom} says`,
  },
  {
    ...{ name: "remove", label: "Remove", kind: "list", example: "x-powered-by, server" },
    words: "Names of fields",
  },
];

const sec = (name: string, label: string, words: string): Field => ({
  ...{ name, label, words, kind: "number" },
});

/** Everything that a rule can say, in the order in which it is done. */
export const PARTS: Readonly<Record<PartName, Part>> = {
  match: {
    label: "For which requests",
    words: "All that is given must be so; nothing given: every request.",
    fields: [
      {
        ...{ name: "path", label: "Paths", kind: "list", example: "/img/*, *.css" },
        words: "Any of these; * stands for any characters. Without the query",
      },
      { name: "ignoreCase", label: "Small and capital letters are the same", kind: "flag" },
      {
        ...{ name: "methods", label: "Methods", kind: "list", example: "GET, HEAD" },
        words: "Any of these",
      },
      {
        ...{ name: "forms", label: "Addresses", kind: "list", example: "host, path" },
        words:
          "first: the host name; host: below the caches' zone; alias: your own; path: in a path",
      },
      {
        ...{ name: "query", label: "With the parameters", kind: "list", example: "preview" },
        words: "All of these are in the query",
      },
      {
        ...{ name: "headers", label: "With the request fields", kind: "list", example: "x-beta" },
        words: "All of these are there",
      },
    ],
  },
  access: {
    label: "Access",
    words: "Who may come, by network and by country; all others get 403.",
    fields: [
      {
        ...{ name: "allow", label: "Only these networks", kind: "list" },
        example: "198.51.100.0/24, 2001:db8::/32",
      },
      { name: "deny", label: "Never these networks", kind: "list", words: "Stronger" },
      {
        ...{ name: "allowCountries", label: "Only these countries", kind: "list" },
        ...{ example: "DE, FR", words: "Two capital letters each" },
      },
      { name: "denyCountries", label: "Never these countries", kind: "list" },
    ],
  },
  rate: {
    label: "Rate limit",
    words: "Of requests by each client network; what is more gets 429 with Retry-After.",
    fields: [
      {
        ...{ name: "mode", label: "These requests", kind: "choice" },
        choices: [
          ["limit", "Are limited"],
          ["free", "Are free of later rules' limits"],
        ],
      },
      { name: "perSec", label: "Requests a second", kind: "number", first: "20", need: true },
      {
        ...{ name: "burst", label: "At once", kind: "number", first: "40", need: true },
        words: "So many before the limit begins",
      },
      {
        ...{ name: "v4Bits", label: "IPv4 clients that share it", kind: "number", first: "32" },
        words: "Bits of their addresses: 32 is each for itself",
      },
      { name: "v6Bits", label: "IPv6 clients that share it", kind: "number", first: "64" },
    ],
  },
  https: {
    label: "HTTPS only",
    words: "Plain HTTP is sent to the same address by HTTPS.",
    fields: [
      {
        ...{ name: "mode", label: "These requests", kind: "choice" },
        choices: [
          ["yes", "Are sent to HTTPS"],
          ["free", "Stay as they are, whatever later rules say"],
        ],
      },
    ],
  },
  redirect: {
    label: "Redirect",
    words: "Caches answer with another address; no web server is asked.",
    fields: [
      {
        ...{ name: "to", label: "To", kind: "text", example: "/new/", need: true },
        words: "A path, or an address with one",
      },
      {
        ...{ name: "status", label: "Status", kind: "choice" },
        choices: [
          ["302", "302, for now"],
          ["301", "301, for ever"],
          ["303", "303, by GET"],
          ["307", "307, for now, by the same method"],
          ["308", "308, for ever, by the same method"],
        ],
      },
      { name: "keepPath", label: "Append the path asked for", kind: "flag", first: "" },
      { name: "keepQuery", label: "Keep the query", kind: "flag", first: "yes" },
    ],
  },
  cors: {
    label: "CORS",
    words: "Which other sites' pages may read this. Caches answer preflights themselves.",
    fields: [
      {
        ...{ name: "origins", label: "Sites", kind: "list", need: true },
        example: "https://www.shop.example",
        words: "* for all, https://*.shop.example for all below",
      },
      { name: "methods", label: "Methods", kind: "list", first: "GET, HEAD" },
      { name: "headers", label: "Request fields they may send", kind: "list" },
      { name: "expose", label: "Response fields they may read", kind: "list" },
      { name: "maxAgeSec", label: "Preflights hold for, s", kind: "number", first: "600" },
      { name: "credentials", label: "With cookies and passwords", kind: "flag", first: "" },
    ],
  },
  signed: {
    label: "Signed addresses",
    words: "Only who brings a signature made with one of your keys may come.",
    fields: [
      {
        ...{ name: "mode", label: "These requests", kind: "choice" },
        choices: [
          ["need", "Need a signature"],
          ["free", "Need none, whatever later rules say"],
        ],
      },
      {
        ...{ name: "keys", label: "Keys", kind: "list", example: "autumn, summer", need: true },
        words: "Up to four of those below; any of them counts",
      },
      { name: "cookie", label: "Also from a cookie", kind: "flag", first: "" },
      {
        ...{ name: "skewSec", label: "Clocks may differ by, s", kind: "number", first: "30" },
        words: "300 at most",
      },
    ],
  },
  key: {
    label: "What keeps objects apart",
    words: "Of one URL. What is left out here is not sent to your web servers, either.",
    fields: [
      { name: "query", label: "Query", kind: "choice", choices: QUERIES },
      {
        ...{ name: "parameters", label: "Parameters", kind: "list", example: "page, size" },
        words: "For the choices that name some",
      },
      { name: "headers", label: "Request fields", kind: "list", example: "x-tenant" },
      { name: "cookies", label: "Cookies", kind: "choice", choices: COOKIES },
      {
        ...{ name: "cookieNames", label: "Cookies that count", kind: "list" },
        ...{ example: "currency", words: "For the choice that names some; no other is sent on" },
      },
      { name: "device", label: "Mobile, tablet and desktop", kind: "flag" },
      { name: "country", label: "The client's country", kind: "flag" },
      { name: "scheme", label: "http and https", kind: "flag" },
    ],
  },
  request: {
    label: "Fields to your web servers",
    words: "Changed on the way there.",
    fields: edits("the client"),
  },
  ttl: {
    label: "Lifetimes",
    words: "In place of what your web servers say. The first row about a status counts.",
    more: "Add a row",
    fields: [
      {
        ...{ name: "status", label: "Statuses", kind: "list", example: "2xx, 3xx" },
        words: "Empty: 2xx and 3xx",
      },
      sec("edgeSec", "In caches, s", "A day is 86400"),
      sec("browserSec", "In browsers, s", "A purge does not reach them"),
      sec("staleWhileRevalidateSec", "Old while renewed, s", "Served at once meanwhile"),
      sec("staleIfErrorSec", "Old for an error, s", "While your web servers fail"),
    ],
  },
  compress: {
    label: "Compression",
    words: "Text is kept compressed beside the object: br, zstd or gzip.",
    fields: [
      {
        ...{ name: "mode", label: "These answers", kind: "choice" },
        choices: [
          ["yes", "Are compressed where it helps"],
          ["only", "Are compressed if of these types"],
          ["no", "Are left as they are"],
        ],
      },
      {
        ...{ name: "types", label: "Media types", kind: "list" },
        ...{ example: "text/*, application/json", words: "For the choice that names some" },
      },
      {
        ...{ name: "leastBytes", label: "From so many bytes on", kind: "number", first: "512" },
        words: "For the same",
      },
    ],
  },
  response: {
    label: "Fields to users",
    words: "Changed on the way to them.",
    fields: edits("your web server"),
  },
  errorPages: {
    label: "Error pages",
    words: "In place of what your web servers and caches say of an error.",
    more: "Add a page",
    fields: [
      { name: "status", label: "Statuses", kind: "list", example: "404, 5xx", need: true },
      {
        ...{
          name: "path",
          label: "A path of this site",
          kind: "text",
          example: "/errors/500.html",
        },
        words: "It is kept like any object",
      },
      {
        ...{ name: "html", label: "Or the page itself", kind: "lines" },
        words: "HTML; {status}, {words} and {host} stand for what they say",
      },
    ],
  },
};

export const PART_NAMES = Object.keys(PARTS) as PartName[];
