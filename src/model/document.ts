import { isMap, isPair, LineCounter, parseDocument, type Node as YamlNode } from "yaml";
import type { z } from "zod";
import { bad, ok, type Problem, type Result } from "../base/result.ts";

/** Where a path of a document stands in its text; nearest parent where the path itself is absent. */
export type Locate = (path: readonly PropertyKey[]) => { line: number; column: number };

/**
 * Reads a YAML (or JSON) text against a schema. All problems are returned at once, each with line,
 * column, path, what was received and what is expected; unknown keys are problems.
 *
 * @example readDocument("zone: cdn.example", network)
 */
export function readDocument<S extends z.ZodType>(
  text: string,
  schema: S,
): Result<{ value: z.infer<S>; locate: Locate }> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return bad(
      document.errors.map((error) => ({
        path: "",
        message: `expected YAML: ${error.message}`,
        ...position(lines, error.pos[0]),
      })),
    );
  }
  const locate: Locate = (path) => position(lines, offsetOf(document.contents, path));
  const raw: unknown = document.toJS({ maxAliasCount: 100 });
  const parsed = schema.safeParse(raw);
  if (parsed.success) return ok({ value: parsed.data, locate });
  return bad(problemsOf(parsed.error, raw).map((p) => ({ ...p, ...locate(pathOf(p.path)) })));
}

/** Zod's issues as problems; an unknown key is one problem with the key's own path. */
export function problemsOf(error: z.ZodError, raw: unknown): Problem[] {
  return error.issues.flatMap((issue): Problem[] => {
    const path = issue.path.map(String);
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({
        path: [...path, key].join("."),
        message: "expected no such key",
        received: show(at(raw, [...issue.path, key])),
      }));
    }
    const received = at(raw, issue.path);
    const missing = received === undefined ? "nothing" : show(received);
    return [{ path: path.join("."), message: sentence(issue.message), received: missing }];
  });
}

/** Of Zod's own messages what is expected: what was received is told beside them. */
function sentence(message: string): string {
  return message
    .replace(/^(Invalid (input|option)|Too (small|big)): /, "")
    .replace(/, received \w+$/, "");
}

/** Splits a dotted path as `problemsOf` joins it. */
export function pathOf(path: string): string[] {
  return path === "" ? [] : path.split(".");
}

function at(raw: unknown, path: readonly PropertyKey[]): unknown {
  let value = raw;
  for (const key of path) {
    if (value === null || typeof value !== "object") return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** A received value, short and on one line; secrets stay out because callers name their paths. */
function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function position(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** Offset of the key (or item) that a path leads to, as far as the text goes. */
function offsetOf(root: unknown, path: readonly PropertyKey[]): number {
  let node = root as YamlNode | null;
  let offset = node?.range?.[0] ?? 0;
  for (const key of path) {
    if (node === null || typeof node !== "object" || !("items" in node)) break;
    const items = (node as { items: unknown[] }).items;
    if (isMap(node)) {
      const pair = items.find((item) => isPair(item) && String(item.key) === String(key));
      if (!isPair(pair)) break;
      offset = (pair.key as YamlNode).range?.[0] ?? offset;
      node = pair.value as YamlNode | null;
    } else {
      node = (items[Number(key)] as YamlNode | undefined) ?? null;
      offset = node?.range?.[0] ?? offset;
    }
  }
  return offset;
}
