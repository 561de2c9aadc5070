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

const pathPattern = z
  .string()
  .regex(/^[/*][\x21\x22\x24-\x3e\x40-\x7e]{0,199}$/, {
    message: "expected a path such as /img/* that begins with / or *, up to 200 characters",
  })
  .refine((text) => text.split("*").length <= 6, { message: "expected at most five stars" })
  .meta({ examples: ["/img/*"] });

const ruleMatch = z.strictObject({
  path: z.array(pathPattern).min(1).max(16).optional().meta({
    description: "Any of these; * stands for any characters. Without the query",
  }),
  ignoreCase: z.boolean().optional().meta({ description: "Of the path" }),
  methods: z
    .array(z.enum(["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"]))
    .min(1)
    .optional()
    .meta({ description: "Any of these; a rule for GET alone says nothing of HEAD" }),
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
        z.strictObject({
          only: z.array(parameter).min(1).max(32).meta({ description: "Only these parameters" }),
        }),
        z.strictObject({
          except: z
            .array(parameter)
            .min(1)
            .max(32)
            .meta({ description: "All parameters but these" }),
        }),
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
    .optional()
    .meta({ description: "Request fields that keep objects of one URL apart, and are sent on" }),
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
    edgeSec: seconds(YEAR_SEC).optional().meta({
      description: "How long caches hold it for fresh, whatever the web server says",
    }),
    browserSec: seconds(YEAR_SEC).optional().meta({
      description: "The `max-age` that clients are told",
    }),
    staleWhileRevalidateSec: seconds(YEAR_SEC).optional().meta({
      description: "How long it is served stale while it is asked for again (RFC 5861 3)",
    }),
    staleIfErrorSec: seconds(YEAR_SEC).optional().meta({
      description: "How long it stands in for errors of the web servers (RFC 5861 4)",
    }),
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
    .default(302)
    .meta({ description: "With which status" }),
  to: target
    .refine((text) => !text.startsWith("//") && !text.includes("\\"), {
      message: "expected a path with one slash at its start",
    })
    .meta({ description: "A path or an address", examples: ["https://www.shop.example/"] }),
  keepPath: z.boolean().default(false).meta({ description: "Append the path that was asked for" }),
  keepQuery: z.boolean().default(true).meta({ description: "Append the query, too" }),
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
    types: z.array(mediaType).min(1).max(50).optional().meta({
      description: "Media types; default: text and its like",
    }),
    leastBytes: z.int().min(1).max(1_048_576).default(512).meta({
      description: "Smaller bodies stay as they are",
    }),
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

export const country = z
  .string()
  .regex(/^[A-Z]{2}$/, {
    message: "expected a country by its two capital letters, such as DE (ISO 3166-1)",
  })
  .meta({ examples: ["DE"] });

const ruleAccess = z.strictObject({
  allow: z.array(prefix).max(1000).optional().meta({ description: "Only these client prefixes" }),
  deny: z.array(prefix).max(1000).optional().meta({ description: "Never these; stronger" }),
  allowCountries: z.array(country).max(250).optional().meta({
    description: "Only clients whose group is in these",
  }),
  denyCountries: z.array(country).max(250).optional().meta({
    description: "Never these; stronger",
  }),
});
export type RuleAccess = z.infer<typeof ruleAccess>;

const ruleRate = z.strictObject({
  perSec: z.number().min(0.01).max(100_000).meta({
    description: "Requests a second of one client prefix, at each node",
  }),
  burst: z.int().min(1).max(1_000_000).meta({ description: "As many at once after a pause" }),
  v4Bits: z.int().min(8).max(32).default(32).meta({
    description: "Length of the IPv4 prefix whose clients share a limit",
  }),
  v6Bits: z.int().min(16).max(128).default(64).meta({ description: "The same of IPv6" }),
});
export type RuleRate = z.infer<typeof ruleRate>;

const webOrigin = z.string().regex(/^(\*|https?:\/\/(\*\.)?[a-z0-9.-]{1,253}(:\d{1,5})?)$/, {
  message: "expected *, or a web origin such as https://www.shop.example or https://*.shop.example",
});

const ruleCors = z
  .strictObject({
    origins: z
      .array(webOrigin)
      .min(1)
      .max(50)
      .meta({
        description: "Pages that may read it; *: all",
        examples: [["https://*.shop.example"]],
      }),
    methods: z
      .array(z.string().regex(/^[A-Z]{1,16}$/))
      .max(10)
      .default(["GET", "HEAD"])
      .meta({ description: "What they may ask with" }),
    headers: z.array(fieldName).max(30).default([]).meta({
      description: "Request fields that they may send",
    }),
    expose: z.array(fieldName).max(30).default([]).meta({
      description: "Fields of answers that they may read",
    }),
    maxAgeSec: seconds(86_400).default(600).meta({
      description: "How long browsers remember a preflight",
    }),
    credentials: z.boolean().default(false).meta({
      description: "They may send cookies; origins are named then, not *",
    }),
  })
  .refine((cors) => !cors.credentials || !cors.origins.includes("*"), {
    message: "expected origins by name where credentials are allowed",
  });
export type RuleCors = z.infer<typeof ruleCors>;

const errorPage = z
  .strictObject({
    status: statuses.meta({ description: "Which answers it takes the place of" }),
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
  name: slug.meta({ description: "What `Cache-Status` and `turnpike why` call it" }),
  match: ruleMatch.prefault({}).meta({ description: "Which requests; without it all" }),
  key: ruleKey.optional().meta({ description: "What an object is held under beside its path" }),
  ttl: z.array(ttlRow).min(1).max(16).optional().meta({
    description: "Lifetimes by status: the first row about it counts",
  }),
  request: requestEdits.optional().meta({ description: "Fields on the way to the web server" }),
  response: responseEdits.optional().meta({ description: "Fields on the way to the client" }),
  redirect: ruleRedirect.optional().meta({ description: "Send clients elsewhere" }),
  https: z.boolean().optional().meta({ description: "Send plain HTTP to HTTPS" }),
  compress: ruleCompress.optional().meta({ description: "br, zstd or gzip, as the client takes" }),
  signed: ruleSigned.optional().meta({
    description: "Only with a signature; false exempts from later rules",
  }),
  access: ruleAccess.optional().meta({ description: "Who may come in; others get 403" }),
  rate: z
    .union([z.literal(false), ruleRate])
    .optional()
    .meta({
      description: "How much of one client: 429 beyond it; false exempts from later rules",
    }),
  cors: ruleCors.optional().meta({ description: "Which pages may read it" }),
  errorPages: z.array(errorPage).min(1).max(10).optional().meta({
    description: "Pages in place of errors",
  }),
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
