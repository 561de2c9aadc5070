import type { Rule } from "../../../model/rules.ts";
import { type Field, PART_NAMES, PARTS, type PartName } from "./rule-fields.ts";
import { numberIn } from "./use-texts.ts";

/** Texts of one part's fields, by their names. */
export type Texts = Readonly<Record<string, string>>;

/** A rule as it is typed: of each part that it has, its rows; all but lists have one. */
export interface Draft {
  readonly name: string;
  readonly parts: { readonly [P in PartName]?: readonly Texts[] };
}

/** What a part that was just chosen begins with. */
export function newRow(part: PartName): Texts {
  return Object.fromEntries(PARTS[part].fields.map((field) => [field.name, firstOf(field)]));
}

function firstOf(field: Field): string {
  return field.first ?? field.choices?.[0]?.[0] ?? "";
}

export const NEW_DRAFT: Draft = { name: "", parts: { match: [newRow("match")] } };

/** @example draftOf({ name: "a", match: {}, https: true }).parts.https // [{ mode: "yes" }] */
export function draftOf(rule: Rule): Draft {
  const parts: { [P in PartName]?: readonly Texts[] } = {};
  for (const part of PART_NAMES) {
    const value: unknown = rule[part];
    if (value === undefined) continue;
    parts[part] = (Array.isArray(value) ? value : [value]).map((one) => rowOf(part, one));
  }
  return { name: rule.name, parts };
}

/** The rule that a form's texts say; what is wrong with it is the API's word. */
export function ruleOf({ name, parts }: Draft): Record<string, unknown> {
  const rule: Record<string, unknown> = { name: name.trim() };
  for (const part of PART_NAMES) {
    const rows = parts[part]?.map((texts) => partOf(part, texts));
    if (rows !== undefined) rule[part] = PARTS[part].more === undefined ? rows[0] : rows;
  }
  return rule;
}

/**
 * Whether the form can show all that a rule says: what it makes of it is the same again. A list that is
 * there and empty is what no field can say.
 */
export function isShown(rule: Rule): boolean {
  return JSON.stringify(plain(rule)) === JSON.stringify(plain(ruleOf(draftOf(rule))));
}

/** In one order; what is off (all flags are, unless said) left out below the rule's own settings. */
function plain(value: unknown, depth = 0): unknown {
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, one]) => one !== false || depth === 0);
  return kept
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => [key, plain(one, depth + 1)]);
}

/** What need not be asked of the API, by the path of each field. */
export function ownProblems({ parts }: Draft): Readonly<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const part of PART_NAMES) {
    for (const [i, texts] of (parts[part] ?? []).entries()) {
      if (isExempt(texts) || texts.mode === "yes") continue;
      for (const field of PARTS[part].fields) {
        const words = faultOf(field, (texts[field.name] ?? "").trim());
        if (words !== null) found[fieldKey(part, i, field.name)] = words;
      }
    }
  }
  return found;
}

/** By what the form tells its fields apart. */
export function fieldKey(part: PartName, row: number, name: string): string {
  return `${part}.${row}.${name}`;
}

function faultOf({ kind, name, need }: Field, text: string): string | null {
  if (text === "") return need ? "This is needed" : null;
  if (kind === "number") return Number.isNaN(numberIn(text)) ? "Expected a number" : null;
  if (kind !== "lines" || name === "html") return null;
  const all = text.split("\n").every((line) => line.trim() === "" || /^[^:\s]+:/.test(line.trim()));
  return all ? null : "Expected lines such as X-Frame-Options: DENY";
}

/** Of two fields that say one setting, the one with the names. */
const SAYS: Readonly<Record<string, string>> = { parameters: "query", cookieNames: "cookies" };

/** Where the API speaks of a field, below the rule. */
export function pathOfField(part: PartName, row: number, name: string): string {
  const at = PARTS[part].more === undefined ? part : `${part}.${row}`;
  return name === "mode" ? at : `${at}.${SAYS[name] ?? name}`;
}

function isExempt({ mode }: Texts): boolean {
  return mode === "free" || mode === "no";
}

function rowOf(part: PartName, value: unknown): Texts {
  const texts: Record<string, string> = { ...newRow(part) };
  if (value === false) texts.mode = part === "compress" ? "no" : "free";
  if (typeof value !== "object" || value === null) return texts;
  if (part === "compress") texts.mode = "only";
  for (const [name, one] of Object.entries(value)) {
    if (part === "key" && name === "query") Object.assign(texts, queryTexts(one));
    else if (part === "key" && name === "cookies") Object.assign(texts, cookieTexts(one));
    else texts[name] = shown(one);
  }
  return texts;
}

function queryTexts(query: NonNullable<Rule["key"]>["query"]): Texts {
  if (typeof query !== "object") return { query: query ?? "all" };
  return "only" in query
    ? { query: "only", parameters: query.only.join(", ") }
    : { query: "except", parameters: query.except.join(", ") };
}

function cookieTexts(names: readonly string[]): Texts {
  return { cookies: names.length === 0 ? "none" : "only", cookieNames: names.join(", ") };
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.join(", ");
  if (value === true) return "yes";
  if (value === false) return "";
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .map(([name, text]) => `${name}: ${text}`)
    .join("\n");
}

/** Of what a choice leaves without meaning, nothing is sent. */
function partOf(part: PartName, texts: Texts): unknown {
  if (isExempt(texts)) return false;
  if (texts.mode === "yes") return true;
  const value: Record<string, unknown> = {};
  for (const field of PARTS[part].fields) {
    if (field.name === "mode" || SAYS[field.name] !== undefined) continue;
    if (part === "key" && field.kind === "choice") Object.assign(value, choiceIn(field, texts));
    else Object.assign(value, oneOf(part, field, (texts[field.name] ?? "").trim()));
  }
  return value;
}

function oneOf(part: PartName, field: Field, text: string): Record<string, unknown> {
  const { name, kind, first } = field;
  if (kind === "flag") return text !== "" || first !== undefined ? { [name]: text !== "" } : {};
  // A list of CORS that is left out would be a preset one.
  if (text === "") return part === "cors" && kind === "list" ? { [name]: [] } : {};
  return { [name]: valueIn(field, text) };
}

/** Of the query and of cookies in a key. */
function choiceIn({ name }: Field, texts: Texts): Record<string, unknown> {
  const mode = texts[name] ?? "all";
  if (mode === "all") return {};
  if (name === "cookies") {
    return { cookies: mode === "none" ? [] : listIn(texts.cookieNames ?? "") };
  }
  const named = mode === "only" || mode === "except";
  return { query: named ? { [mode]: listIn(texts.parameters ?? "") } : mode };
}

function listIn(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter((word) => word !== "");
}

function valueIn({ name, kind }: Field, text: string): unknown {
  if (kind === "number" || (name === "status" && kind === "choice")) return numberIn(text);
  if (name === "status") {
    return listIn(text).map((word) => (/^\d+$/.test(word) ? Number(word) : word.toLowerCase()));
  }
  if (kind === "list") return listIn(text);
  if (kind !== "lines" || name === "html") return text;
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf(":");
      return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
    }),
  );
}
