import { z } from "zod";
import { prefix, slug } from "./names.ts";
import { requestEdits, responseEdits } from "./rules-headers.ts";

/** Rules of one site, and what all of them together may ask of one request's path (threats H22). */
export const RULES_MAX = 64;
const PATTERNS_MAX = 256;
/** Patterns with text between two stars are searched for; all others are compared at their ends. */
const SEARCHED_MAX = 64;

const seconds = (most: number) =>
  z
    .int({ message: `expected seconds from 0 to ${most}` })
    .min(0, { message: `expected seconds from 0 to ${most}` })
    .max(most, { message: `expected seconds from 0 to ${most}` });
const YEAR_SEC = 31_536_000;

const fieldName = z
  .string()
  .regex(/^[\w!#$%&'*+.^`|~-]{1,64}$/, { message: "expected a field name" })
  .transform((name) => name.toLowerCase());

const parameter = z.string().regex(/^[\w.~%!$'()*,:@/?[\]-]{1,64}$/, {
  message: "expected the name of a query parameter",
});

const cookieName = z.string().regex(/^[\w!#$%&'*+.^`|~-]{1,64}$/, {
  message: "expected the name of a cookie",
});

export const pathPattern = z
  .string()
  .regex(/^[/*][\x21\x22\x24-\x3e\x40-\x7e]{0,199}$/, {
    message: "expected a path such as /img/* that begins with / or *, up to 200 characters",
  })
  .refine((text) => text.split("*").length <= 6, { message: "expected at most five stars" });

const ruleMatch = z.strictObject({
  path: z.array(pathPattern).min(1).max(16).optional().meta({
    description: "Any of these; * stands for any characters. Without the query",
  }),
  ignoreCase: z.boolean().optional().meta({ description: "Of the path" }),
  methods: z
    .array(z.enum(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]))
    .min(1)
    .optional(),
  forms: z
    .array(z.enum(["first", "host", "alias", "path"]))
    .min(1)
    .optional()
    .meta({
      description: "How the site was named: its hostname, <hostname>.<zone>, an alias, c.<zone>",
    }),
  query: z.array(parameter).min(1).max(8).optional().meta({
    description: "Parameters that must all be there",
  }),
  headers: z.array(fieldName).min(1).max(8).optional().meta({
    description: "Request fields that must all be there",
  }),
});

/**
 * What a key cannot be made of: it belongs to one connection, is not the client's to say, or is taken
 * by frameworks for the request's real host, path, method or client (threats H8).
 */
const NOT_KEYED =
  /^(cookie|authorization|host|connection|range|if-.*|via|cdn-loop|accept-encoding|forwarded|x-forwarded-.*|x-real-ip|(true-)?client-ip|x-client-ip|x-cluster-client-ip|x-original-.*|x-rewrite-.*|x-http-method.*|x-method(-override)?|(http-)?method-override|x-host|x-http-host.*|proxy.*)$/;

const ruleKey = z.strictObject({
  query: z
    .union(
      [
        z.enum(["all", "none", "sorted"]),
        z.strictObject({ only: z.array(parameter).min(1).max(32) }),
        z.strictObject({ except: z.array(parameter).min(1).max(32) }),
      ],
      { message: "expected all, none, sorted, {only: [...]} or {except: [...]}" },
    )
    .optional()
    .meta({ description: "What is left out of the key is not sent to a web server either" }),
  headers: z
    .array(
      fieldName.refine((name) => !NOT_KEYED.test(name), {
        message: "expected a field that a key can be made of",
      }),
    )
    .max(8)
    .optional(),
  cookies: z.array(cookieName).max(8).optional().meta({
    description: "Only these are sent on; at second addresses none ever are",
  }),
  device: z.boolean().optional().meta({ description: "mobile, tablet or desktop" }),
  country: z.boolean().optional().meta({ description: "That of the client's group" }),
  scheme: z.boolean().optional().meta({
    description: "http or https; without it one object is served over both",
  }),
});
export type RuleKey = z.infer<typeof ruleKey>;

const statuses = z
  .array(
    z.union([z.int().min(200).max(599), z.enum(["2xx", "3xx", "4xx", "5xx"])], {
      message: "expected a status from 200 to 599, or 2xx, 3xx, 4xx, 5xx",
    }),
  )
  .min(1)
  .max(32);
export type Statuses = z.infer<typeof statuses>;

const ttlRow = z
  .strictObject({
    status: statuses.optional().meta({ description: "Default: 2xx and 3xx" }),
    edgeSec: seconds(YEAR_SEC).optional(),
    browserSec: seconds(YEAR_SEC).optional(),
    staleWhileRevalidateSec: seconds(YEAR_SEC).optional(),
    staleIfErrorSec: seconds(YEAR_SEC).optional(),
  })
  .refine((row) => Object.keys(row).some((key) => key.endsWith("Sec")), {
    message: "expected at least one of edgeSec, browserSec and the stale windows",
  });
export type TtlRow = z.infer<typeof ttlRow>;

const target = z
  .string()
  .regex(/^(https?:\/\/[a-z0-9.-]{1,253}(:\d{1,5})?)?\/[\x21-\x7e]{0,1024}$/i, {
    message: "expected a path or an http(s) address with one, such as https://www.shop.example/",
  });

const ruleRedirect = z.strictObject({
  status: z
    .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)], {
      message: "expected 301, 302, 303, 307 or 308",
    })
    .default(302),
  to: target.refine((text) => !text.startsWith("//") && !text.includes("\\"), {
    message: "expected a path with one slash at its start",
  }),
  keepPath: z.boolean().default(false).meta({ description: "Append the path that was asked for" }),
  keepQuery: z.boolean().default(true),
});
export type RuleRedirect = z.infer<typeof ruleRedirect>;

const mediaType = z
  .string()
  .regex(/^[a-z0-9!#$&^_.+-]+\/(\*|[a-z0-9!#$&^_.+-]+)$/, {
    message: "expected a media type such as text/* or application/json, in lower case",
  })
  .refine(
    (type) =>
      !/^(video|audio)\//.test(type) && (!type.startsWith("image/") || type === "image/svg+xml"),
    {
      message: "expected a type that is not compressed already, as images, sound and video are",
    },
  );

const ruleCompress = z.union([
  z.boolean(),
  z.strictObject({
    types: z.array(mediaType).min(1).max(50).optional(),
    leastBytes: z.int().min(1).max(1_048_576).default(512),
  }),
]);
export type RuleCompress = z.infer<typeof ruleCompress>;

const ruleSigned = z.union([
  z.literal(false),
  z.strictObject({
    keys: z.array(slug).min(1).max(4).meta({
      description: "Keys of the customer; two while one takes the other's place",
    }),
    cookie: z.boolean().default(false).meta({
      description: "Also taken from a cookie, at the site's own names only",
    }),
    skewSec: seconds(300).default(30).meta({ description: "How far clocks may differ" }),
  }),
]);
export type RuleSigned = z.infer<typeof ruleSigned>;

export const country = z.string().regex(/^[A-Z]{2}$/, {
  message: "expected a country by its two capital letters, such as DE (ISO 3166-1)",
});

const ruleAccess = z.strictObject({
  allow: z.array(prefix).max(1000).optional().meta({ description: "Only these client prefixes" }),
  deny: z.array(prefix).max(1000).optional().meta({ description: "Never these; stronger" }),
  allowCountries: z.array(country).max(250).optional(),
  denyCountries: z.array(country).max(250).optional(),
});
export type RuleAccess = z.infer<typeof ruleAccess>;

const ruleRate = z.strictObject({
  perSec: z.number().min(0.01).max(100_000),
  burst: z.int().min(1).max(1_000_000),
  v4Bits: z.int().min(8).max(32).default(32).meta({ description: "Clients that share a limit" }),
  v6Bits: z.int().min(16).max(128).default(64),
});
export type RuleRate = z.infer<typeof ruleRate>;

const webOrigin = z.string().regex(/^(\*|https?:\/\/(\*\.)?[a-z0-9.-]{1,253}(:\d{1,5})?)$/, {
  message: "expected *, or a web origin such as https://www.shop.example or https://*.shop.example",
});

const ruleCors = z
  .strictObject({
    origins: z.array(webOrigin).min(1).max(50),
    methods: z
      .array(z.string().regex(/^[A-Z]{1,16}$/))
      .max(10)
      .default(["GET", "HEAD"]),
    headers: z.array(fieldName).max(30).default([]),
    expose: z.array(fieldName).max(30).default([]),
    maxAgeSec: seconds(86_400).default(600),
    credentials: z.boolean().default(false),
  })
  .refine((cors) => !cors.credentials || !cors.origins.includes("*"), {
    message: "expected origins by name where credentials are allowed",
  });
export type RuleCors = z.infer<typeof ruleCors>;

const errorPage = z
  .strictObject({
    status: statuses,
    html: z.string().min(1).max(8_192).optional().meta({
      description: "The page; {status}, {words} and {host} stand for what they say",
    }),
    path: z
      .string()
      .regex(/^\/[\x21-\x22\x24-\x7e]{0,1023}$/, {
        message: "expected a path of this site, such as /errors/503.html",
      })
      .optional()
      .meta({ description: "Or a path of this site, kept like any object" }),
  })
  .refine((page) => (page.html === undefined) !== (page.path === undefined), {
    message: "expected html or path",
  });
export type ErrorPage = z.infer<typeof errorPage>;

const ruleFields = z.strictObject({
  name: slug,
  match: ruleMatch.prefault({}),
  key: ruleKey.optional(),
  ttl: z.array(ttlRow).min(1).max(16).optional(),
  request: requestEdits.optional(),
  response: responseEdits.optional(),
  redirect: ruleRedirect.optional(),
  https: z.boolean().optional().meta({ description: "Send plain HTTP to HTTPS" }),
  compress: ruleCompress.optional(),
  signed: ruleSigned.optional(),
  access: ruleAccess.optional(),
  rate: z.union([z.literal(false), ruleRate]).optional(),
  cors: ruleCors.optional(),
  errorPages: z.array(errorPage).min(1).max(10).optional(),
});

/** What is done with requests that match. */
export const rule = ruleFields.refine(
  (one) =>
    Object.entries(one).some(([key, is]) => key !== "name" && key !== "match" && is !== undefined),
  { message: "expected at least one thing to do" },
);
export type Rule = z.infer<typeof rule>;

/** A site's rules in their order: all that match count, and of each kind of setting the first. */
export const rules = z
  .array(rule)
  .max(RULES_MAX)
  .superRefine((list, context) => {
    const seen = new Set<string>();
    for (const [i, { name }] of list.entries()) {
      if (seen.has(name)) {
        const message = "expected a name of its own";
        context.addIssue({ code: "custom", path: [i, "name"], message });
      }
      seen.add(name);
    }
    const patterns = list.flatMap((one) => one.match.path ?? []);
    const searched = patterns.filter((text) => /\*[^*]+\*/.test(text));
    const limits = [
      [patterns.length, PATTERNS_MAX, "paths in all rules"],
      [searched.length, SEARCHED_MAX, "paths with text between two stars in all rules"],
    ] as const;
    for (const [count, most, what] of limits) {
      if (count > most) {
        context.addIssue({ code: "custom", message: `expected at most ${most} ${what}: ${count}` });
      }
    }
  });
