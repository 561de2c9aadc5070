import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { readDocument } from "../../src/model/document.ts";
import { rules } from "../../src/model/rules.ts";
import { settingsBySection, settingsOf, shapeOf } from "./settings.ts";

test("every setting of a node file and of a network file says what it is", () => {
  const sections = settingsBySection();
  const silent = sections.flatMap(({ title, rows }) =>
    rows.filter((row) => row.words === "").map((row) => `${title}: ${row.path}`),
  );
  expect(silent).toEqual([]);
  // What is nested deepest is there, so nothing was left out on the way to it.
  const all = sections.flatMap(({ title, rows }) => rows.map((row) => `${title}: ${row.path}`));
  for (const deep of [
    "Node file: cache.memoryMiB",
    "Rules: ttl[].edgeSec",
    "Fetching: secret.keys",
  ]) {
    expect(all).toContain(deep);
  }
  expect(new Set(all).size).toBe(all.length);
});

test("settingsOf() says what a setting takes, its default, and whether it is needed", () => {
  const lower = z.string().transform((text) => text.toLowerCase());
  const shape = shapeOf(
    z.strictObject({
      name: lower.meta({ description: "A name", examples: ["a"] }),
      names: z.array(lower).default(["b"]),
      many: z.int().min(1).max(9).default(3).meta({ description: "How many" }),
      part: z
        .strictObject({ on: z.boolean().optional(), of: z.number().positive() })
        .prefault({ of: 1 }),
      rows: z.array(z.strictObject({ id: z.union([z.literal("x"), z.int()]) })).optional(),
      each: z.record(z.string(), z.strictObject({ at: z.email() })).optional(),
    }),
  );
  const rows = settingsOf(shape).map(({ path, takes, preset, needed }) => [
    path,
    takes,
    preset,
    needed,
  ]);
  expect(rows).toEqual([
    ["name", "text", null, true],
    ["names", "list: text", '["b"]', false],
    ["many", "whole number from 1 to 9", "3", false],
    ["part.on", "`true`, `false`", null, false],
    ["part.of", "number above 0", null, true],
    ["rows[].id", "`x` or whole number", null, true],
    ["each.*.at", "an e-mail address", null, true],
  ]);
  expect(settingsOf(shape)[0]?.words).toBe("A name; such as `a`");
});

test("settingsOf() names the kinds that have a setting, where not all have it", () => {
  const shape = shapeOf(
    z.strictObject({
      plan: z.discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("a"), id: z.string().meta({ description: "Its name" }) }),
        z.strictObject({
          kind: z.literal("b"),
          id: z.string().meta({ description: "Its name" }),
          fee: z.int().meta({ description: "Its fee" }),
        }),
      ]),
    }),
  );
  expect(settingsOf(shape).map(({ path, takes, words }) => [path, takes, words])).toEqual([
    ["plan.kind", "`a`, `b`", "Which kind it is"],
    ["plan.id", "text", "Its name"],
    ["plan.fee", "whole number", "Its fee (kind b)"],
  ]);
});

test("settingsOf() leaves out what stands in a section of its own, and names that", () => {
  const shape = shapeOf(
    z.strictObject({ rows: z.array(z.strictObject({ id: z.int() })).default([]) }),
  );
  const stops = new Map([["at.rows[]", "Some rows"]]);
  expect(settingsOf(shape, { at: "at", stops })).toEqual([
    {
      path: "rows",
      takes: "list: [Some rows](#some-rows)",
      preset: null,
      needed: false,
      words: "",
    },
  ]);
});

test("the rules that docs/rules.md shows are taken as they stand there", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/rules.md"), "utf8");
  const blocks = [...page.matchAll(/```yaml\n(rules:\n[\s\S]*?)```/g)].map(([, text = ""]) => text);
  expect(blocks).toHaveLength(1);
  const read = readDocument(blocks[0] ?? "", z.strictObject({ rules }));
  expect(read.ok ? [] : read.problems).toEqual([]);
});
