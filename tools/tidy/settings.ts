import { z } from "zod";
import { network } from "../../src/model/network.ts";
import { nodeFile } from "../../src/model/node-file.ts";

/** One setting of a file, as docs/settings.md has it. */
export interface Setting {
  /** From where its section begins: `listen.dns`, `tiers[].upTo`. */
  readonly path: string;
  /** What may stand there, in words. */
  readonly takes: string;
  /** In JSON; null where there is none. */
  readonly preset: string | null;
  readonly needed: boolean;
  readonly words: string;
}

/** What of JSON Schema our parsers say. */
interface Shape {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly format?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly items?: Shape;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Shape | boolean;
  readonly anyOf?: readonly Shape[];
  readonly oneOf?: readonly Shape[];
}

interface Section {
  readonly title: string;
  readonly words: string;
  /** Where in the network file it stands; of the node file there is one section. */
  readonly at: string;
}

const SITE = "customers[].sites[]";

const SECTIONS: readonly Section[] = [
  { at: "", title: "Network file", words: "What the whole network should be." },
  { at: "acme", title: "Certificates", words: "[certificates.md](certificates.md)" },
  { at: "tiers", title: "Tiers", words: "How caches reach each other: [tiers.md](tiers.md)" },
  { at: "clientGroups[]", title: "Client groups", words: "Clients that are treated alike." },
  { at: "pops[]", title: "Pops", words: "Places where nodes stand." },
  { at: "nodes[]", title: "Nodes", words: "Machines of ours: [measuring.md](measuring.md)" },
  { at: "plans[]", title: "Plans", words: "Prices. Amounts stand in quotes: they are no floats." },
  { at: "customers[]", title: "Customers", words: "Who pays." },
  { at: "customers[].zones[]", title: "Zones", words: "[zones.md](zones.md)" },
  { at: "customers[].zones[].records[]", title: "Records", words: "Of zones, and of sites." },
  { at: SITE, title: "Sites", words: "One hostname of a customer each." },
  {
    at: `${SITE}.origins[]`,
    title: "Origins",
    words:
      "The mirrored web servers of a site: [origins.md](origins.md), [measuring.md](measuring.md)",
  },
  {
    at: `${SITE}.steering.chain[]`,
    title: "Steps of a chain",
    words: "What each does: [steering.md](steering.md)",
  },
  { at: `${SITE}.check`, title: "Checks", words: "[measuring.md](measuring.md)" },
  { at: `${SITE}.fetch`, title: "Fetching", words: "[origins.md](origins.md)" },
  { at: `${SITE}.logs`, title: "Logs", words: "[logs.md](logs.md)" },
  { at: `${SITE}.rules[]`, title: "Rules", words: "[rules.md](rules.md)" },
  { at: "tests[]", title: "Policy tests", words: "[steering.md](steering.md)" },
];

/** Sections that stand in for the shape at another place, too. */
const SAME = new Map([[`${SITE}.records[]`, "Records"]]);

export function settingsPage(): string {
  return [
    "# Settings",
    "",
    "Every setting of the two files that Turnpike reads: the node file (`turnpike up --config`), which says what",
    "one machine runs, and the network file (`turnpike apply`), which says what the network should be; the API has",
    "the same shapes. YAML or JSON. Unknown keys are errors, and all that is wrong is told at once. Names that end in",
    "`Sec`, `Ms`, `MiB` or `Bytes` have that unit; *needed* is what has no default, where its group is given at all.",
    "Generated from `src/model`; `node tools/run.mjs tools/tidy.ts --write` renews it, and a test fails when it is stale.",
    "",
    ...settingsBySection().flatMap(sectionLines),
  ].join("\n");
}

interface Filled {
  readonly title: string;
  readonly words: string;
  readonly rows: readonly Setting[];
}

/** All settings of both files, in the order of the page. */
export function settingsBySection(): readonly Filled[] {
  const whole = shapeOf(network);
  const stops = new Map([...SECTIONS.map(({ at, title }) => [at, title] as const), ...SAME]);
  const inNetwork = SECTIONS.map(({ at, title, words }): Filled => {
    const place = at === "" ? "" : ` At \`${at}\`.`;
    const rows = settingsOf(shapeAt(whole, at), { at, stops });
    return { title, words: `${words.replace(/\.$/, "")}.${place}`, rows };
  });
  const words = "One machine: what it runs, and where it listens.";
  return [{ title: "Node file", words, rows: settingsOf(shapeOf(nodeFile)) }, ...inNetwork];
}

/** What a file may say, as JSON Schema; defaults and examples of what is transformed are kept. */
export function shapeOf(schema: z.ZodType): Shape {
  return z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      if (def.type === "default")
        jsonSchema.default = def.defaultValue as typeof jsonSchema.default;
      const { examples } = z.globalRegistry.get(zodSchema) ?? {};
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  }) as Shape;
}

/** @param o.at where the shape stands; below it, what `stops` names is a section of its own */
export function settingsOf(
  shape: Shape,
  o: { readonly at?: string; readonly stops?: ReadonlyMap<string, string> } = {},
): readonly Setting[] {
  return rowsOf(shape, "", { at: o.at ?? "", stops: o.stops ?? new Map() });
}

interface Where {
  readonly at: string;
  readonly stops: ReadonlyMap<string, string>;
}

function rowsOf(shape: Shape, prefix: string, where: Where): Setting[] {
  const objects = variantsOf(shape).filter((one) => one.properties !== undefined);
  const kind = objects.length > 1 ? discriminatorOf(objects) : null;
  const found = new Map<string, { row: Setting; kinds: string[] }>();
  for (const object of objects) {
    const name = kind === null ? "" : String(object.properties?.[kind]?.const);
    for (const [key, each] of Object.entries(object.properties ?? {})) {
      const needed = object.required?.includes(key) === true;
      for (const row of rowsOfOne(each, { path: `${prefix}${key}`, needed, where })) {
        const known = found.get(row.path);
        if (known === undefined) found.set(row.path, { row, kinds: [name] });
        else known.kinds.push(name);
      }
    }
  }
  return [...found.values()].map(({ row, kinds }) => {
    if (kind === null) return row;
    if (row.path === `${prefix}${kind}`) {
      return { ...row, takes: kinds.map(code).join(", "), words: "Which kind it is" };
    }
    const all = kinds.length === objects.length;
    return all ? row : { ...row, words: `${row.words} (${kind} ${kinds.join(", ")})` };
  });
}

function rowsOfOne(
  shape: Shape,
  o: { readonly path: string; readonly needed: boolean; readonly where: Where },
): Setting[] {
  const { path, needed, where } = o;
  const variants = variantsOf(shape);
  const items = variants.flatMap(({ items: one }) =>
    one !== undefined && isDeep(one) ? [one] : [],
  );
  const below = items.length > 0 ? `${path}[]` : path;
  const row = {
    path,
    takes: takesOf(shape),
    preset: presetOf(shape),
    needed,
    words: wordsOf(shape),
  };
  const stop = where.stops.get(where.at === "" ? below : `${where.at}.${below}`);
  if (stop !== undefined) {
    const link = `[${stop}](#${stop.toLowerCase().replaceAll(" ", "-")})`;
    return [{ ...row, preset: null, takes: items.length > 0 ? `list: ${link}` : link }];
  }
  const named = variants.flatMap(({ additionalProperties: one }) =>
    typeof one === "object" ? [one] : [],
  );
  const inner = [
    ...rowsOf(shape, `${path}.`, where),
    ...items.flatMap((one) => rowsOf(one, `${below}.`, where)),
    ...named.flatMap((one) => rowsOf(one, `${path}.*.`, where)),
  ];
  // What only holds others together says nothing by itself.
  return inner.length > 0 && row.words === "" ? inner : [row, ...inner];
}

/** Whether settings stand in it. */
function isDeep(shape: Shape): boolean {
  return variantsOf(shape).some((one) => one.properties !== undefined);
}

function presetOf(shape: Shape): string | null {
  if (shape.default === undefined) return null;
  const text = JSON.stringify(shape.default);
  return text === "{}" ? null : text;
}

function wordsOf({ description = "", examples = [] }: Shape): string {
  const [example] = examples;
  if (example === undefined) return description;
  const such = code(typeof example === "string" ? example : JSON.stringify(example));
  return description === "" ? `Such as ${such}` : `${description}; such as ${such}`;
}

/** The alternatives of a shape, without null. */
function variantsOf(shape: Shape): readonly Shape[] {
  const all = shape.anyOf ?? shape.oneOf;
  return all === undefined ? [shape] : all.flatMap(variantsOf).filter((one) => one.type !== "null");
}

/** The key by whose one value the alternatives are told apart. */
function discriminatorOf(objects: readonly Shape[]): string | null {
  const keys = Object.keys(objects[0]?.properties ?? {});
  return (
    keys.find((key) => objects.every((one) => one.properties?.[key]?.const !== undefined)) ?? null
  );
}

/** What may stand there. */
export function takesOf(shape: Shape): string {
  const all = shape.anyOf ?? shape.oneOf;
  if (all !== undefined) {
    const each = all.map((one) => takesOf(one));
    const values = all.every((one) => one.const !== undefined);
    return [...new Set(each)].join(values ? ", " : " or ");
  }
  if (shape.const !== undefined) return code(String(shape.const));
  if (shape.enum !== undefined) return shape.enum.map((one) => code(String(one))).join(", ");
  switch (shape.type) {
    case "null":
      return code("null");
    case "boolean":
      return `${code("true")}, ${code("false")}`;
    case "integer":
    case "number":
      return rangeOf(shape);
    case "array":
      return `list: ${takesOf(shape.items ?? {})}`;
    case "object":
      return typeof shape.additionalProperties === "object"
        ? `names with ${takesOf(shape.additionalProperties)} each`
        : "settings";
    default:
      return textOf(shape);
  }
}

function rangeOf({ type, minimum, exclusiveMinimum, maximum }: Shape): string {
  const what = type === "integer" ? "whole number" : "number";
  const least =
    minimum === undefined || minimum <= Number.MIN_SAFE_INTEGER ? "" : ` from ${minimum}`;
  const above = exclusiveMinimum === undefined ? "" : ` above ${exclusiveMinimum}`;
  const most = maximum === undefined || maximum >= Number.MAX_SAFE_INTEGER ? "" : ` to ${maximum}`;
  return `${what}${least}${above}${most}`;
}

const FORMATS: Readonly<Record<string, string>> = {
  email: "an e-mail address",
  uri: "an address (URL)",
  "date-time": "a time",
  ipv4: "an IPv4 address",
  ipv6: "an IPv6 address",
};

function textOf({ format = "", maxLength }: Shape): string {
  const known = FORMATS[format];
  if (known !== undefined) return known;
  return maxLength === undefined ? "text" : `text of up to ${maxLength} characters`;
}

/** The shape at a place such as `customers[].sites[]`. */
function shapeAt(whole: Shape, at: string): Shape {
  let shape = whole;
  for (const part of at === "" ? [] : at.split(".")) {
    const [name = ""] = part.split("[");
    const found = variantsOf(shape).flatMap((one) => one.properties?.[name] ?? [])[0];
    const inner = part.endsWith("[]") ? found?.items : found;
    if (inner === undefined) throw new Error(`The network file has no ${at}`);
    shape = inner;
  }
  return shape;
}

function code(text: string): string {
  return `\`${text}\``;
}

function sectionLines({ title, words, rows }: Filled): string[] {
  const lines = rows.map((row) => {
    const preset = row.preset === null ? (row.needed ? "needed" : "") : code(row.preset);
    return `| ${[code(row.path), row.takes, preset, plain(row.words)].join(" | ")} |`;
  });
  const head = ["| setting | takes | default | |", "|---|---|---|---|"];
  return [`## ${title}`, "", words, "", ...head, ...lines, ""];
}

/** What a page would take for a tag, for emphasis or for the next cell is escaped, but in code. */
function plain(text: string): string {
  return text.replace(/`[^`]*`|[<*|]/g, (one) => (one.startsWith("`") ? one : `\\${one}`));
}
