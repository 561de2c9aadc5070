import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { checkDependencies, checkRecords, errorsPage } from "./tidy/docs.ts";
import {
  checkCircles,
  checkFloors,
  checkHot,
  checkLibraries,
  checkRuntime,
  importsOf,
} from "./tidy/imports.ts";
import {
  checkBase,
  checkDefaults,
  checkLengths,
  checkMods,
  checkNames,
  functionsOf,
} from "./tidy/shape.ts";
import { blank, type Source, source, type Violation } from "./tidy/source.ts";
import { formatViolation, tidy } from "./tidy.ts";

function files(texts: Readonly<Record<string, string>>): Source[] {
  return Object.entries(texts).map(([path, text]) => source(path, text));
}

function places(wrong: readonly Violation[]): string[] {
  return wrong.map((one) => `${one.path}:${one.line}`);
}

test("the project is tidy", () => {
  expect(tidy(join(import.meta.dir, "..")).map(formatViolation)).toEqual([]);
});

describe("blank()", () => {
  test("blanks comments and the insides of strings, keeping offsets", () => {
    const text = ['a("Bun.x"); // Bun.y\nb(/* Bun.z */ `t $', '{Bun.w("q")} Bun.v`);'].join("");
    const { code, bare } = blank(text);
    expect(bare).toHaveLength(text.length);
    expect(bare.match(/Bun\.\w/g)).toEqual(["Bun.w"]);
    expect(code.match(/Bun\.\w/g)).toEqual(["Bun.x", "Bun.w", "Bun.v"]);
  });

  test("knows a regular expression from a division", () => {
    const { bare } = blank("const r = /['\"`/]/g; const d = a / b; const s = 'x / y'; f(c)/2;");
    expect(bare).toContain("a / b");
    expect(bare).not.toContain("x / y");
    expect(bare).toContain("f(c)/2");
  });

  test("takes a lone apostrophe in markup for text", () => {
    expect(blank("<p>don't</p>\nconst b = Bun;").bare).toContain("const b = Bun;");
  });

  test("finds the end of nested templates", () => {
    const { bare } = blank(["`a $", "{x ? `b $", "{y}` : { z: 1 }.z} c`; Bun.after()"].join(""));
    expect(bare).toContain("Bun.after()");
    expect(bare).not.toContain(" c`");
  });
});

describe("importsOf()", () => {
  test("finds static, typed, bare, re-exported and dynamic imports with their lines", () => {
    const [file] = files({
      "src/dns/a.ts": [
        'import { x } from "../base/x.ts";',
        "import type {",
        "  Y,",
        '} from "./y.ts";',
        'import "./z.ts";',
        'export * from "zod";',
        'const w = await import("node:fs");',
        '// import { no } from "./no.ts";',
      ].join("\n"),
    });
    expect(importsOf(file!).map((i) => [i.specifier, i.target, i.line])).toEqual([
      ["../base/x.ts", "src/base/x.ts", 1],
      ["./y.ts", "src/dns/y.ts", 4],
      ["./z.ts", "src/dns/z.ts", 5],
      ["zod", null, 6],
      ["node:fs", null, 7],
    ]);
  });
});

describe("floors", () => {
  test("an import down is right; up, across and out of src are not", () => {
    const tree = files({
      "src/dns/a.ts": 'import "../model/x.ts";\nimport "../edge/b.ts";\nimport "../cli/c.ts";',
      "src/store/s.ts": 'import "../bus/bus.ts";',
      "src/policy/steering/p.ts": 'import "../snapshot/q.ts";\nimport "../../../tools/t.ts";',
      "src/oddly/o.ts": "",
    });
    expect(places(checkFloors(tree))).toEqual([
      "src/dns/a.ts:2",
      "src/dns/a.ts:3",
      "src/store/s.ts:1",
      "src/policy/steering/p.ts:2",
      "src/oddly/o.ts:0",
    ]);
  });

  test("a circle is reported with its files, types included", () => {
    const tree = files({
      "src/model/a.ts": 'import type { B } from "./b.ts";',
      "src/model/b.ts": 'import { c } from "./c.ts";',
      "src/model/c.ts": 'import { a } from "./a.ts";',
      "src/model/d.ts": 'import { a } from "./a.ts";',
    });
    expect(checkCircles(tree).map((one) => one.words)).toEqual([
      "Imports in a circle: src/model/a.ts -> src/model/b.ts -> src/model/c.ts -> src/model/a.ts",
    ]);
  });

  test("the portal's pages, loaded lazily, may look back; what is imported at once may not", () => {
    const tree = files({
      "src/portal/app.ts": 'const a = () => import("./a.ts");\nimport "./b.ts";',
      "src/portal/a.ts": 'import "./app.ts";',
      "src/portal/b.ts": 'import "./app.ts";',
    });
    expect(places(checkCircles(tree))).toEqual(["src/portal/app.ts:0"]);
  });

  test("floors 0 to 3 import pure libraries only, tests apart", () => {
    const tree = files({
      "src/wire/ip/a.ts": 'import "zod";\nimport "tldts";\nimport "node:fs";\nimport "hono";',
      "src/wire/ip/a.test.ts": 'import "node:fs";',
      "src/base/real/r.ts": 'import "node:fs";',
      "src/store/s.ts": 'import "bun:sqlite";',
    });
    expect(places(checkLibraries(tree))).toEqual(["src/wire/ip/a.ts:3", "src/wire/ip/a.ts:4"]);
  });

  test("floors 0 to 3 do without the runtime, in code and not in words", () => {
    const tree = files({
      "src/policy/caching/a.ts": [
        "const t = Date.now();",
        'const s = "Date.now() of Bun.serve"; // process.env',
        "const r = Math.random() + new Date().getTime();",
        "const ok = new Date(atMs).getTime() + key.crypto.length + view.fetch;",
        "await fetch(url); setTimeout(f, 1); Buffer.from(x); process.exit(1);",
      ].join("\n"),
      "src/edge/b.ts": "Bun.serve({});",
    });
    expect(places(checkRuntime(tree)).sort()).toEqual([
      "src/policy/caching/a.ts:1",
      "src/policy/caching/a.ts:3",
      "src/policy/caching/a.ts:3",
      "src/policy/caching/a.ts:5",
      "src/policy/caching/a.ts:5",
      "src/policy/caching/a.ts:5",
      "src/policy/caching/a.ts:5",
    ]);
  });

  test("hot folders are sealed: floors 0 to 3, themselves, and for edge/hot the cache", () => {
    const tree = files({
      "src/dns/hot/a.ts": 'import "../udp.ts";\nimport "./b.ts";\nexport async function f() {}',
      "src/edge/hot/s.ts": 'import "../cache/memory.ts";\nimport "../../bus/bus.ts";\nawait x;',
      "src/edge/cache/memory.ts": 'import "../hot/s.ts";\nconsole.log(1);',
      "src/dns/hot/a.test.ts": 'import "../udp.ts";',
    });
    expect(places(checkHot(tree))).toEqual([
      "src/dns/hot/a.ts:1",
      "src/dns/hot/a.ts:3",
      "src/edge/hot/s.ts:2",
      "src/edge/cache/memory.ts:1",
      "src/edge/cache/memory.ts:2",
    ]);
  });
});

describe("shape", () => {
  const lines = (n: number) => Array.from({ length: n }, (_, i) => `  step(${i});`).join("\n");

  test("functionsOf() sees functions, methods and arrows behind any return type", () => {
    const [file] = files({
      "src/dns/a.ts": [
        "function plain() {",
        "}",
        "export async function typed<T>(a: T, b = (1)): Promise<{ stop(): void }> {",
        "  if (a) { b(); }",
        "}",
        "class C { readonly #m = 1;",
        "  method(x: number): x is 1 | { y: 2 } {",
        "  }",
        "}",
        "const f = (x: number) => {",
        "};",
        "const n = c ? g(x) : { a: 1 };",
        "while (n) { n(); }",
      ].join("\n"),
    });
    expect(
      functionsOf(file!)
        .map((s) => `${s.line}-${s.lastLine}`)
        .sort(),
    ).toEqual(["1-2", "10-11", "3-5", "7-8"]);
  });

  test("a function of 71 lines is too long; a describe() groups and is not", () => {
    const tree = files({
      "src/dns/long.ts": `\nfunction f() {\n${lines(69)}\n}\n`,
      "src/dns/right.ts": `function f() {\n${lines(68)}\n}\n`,
      "src/dns/a.test.ts": `describe("x", () => {\n${lines(90)}\n});\n`,
      "src/dns/b.test.ts": `test("x", () => {\n${lines(90)}\n});\n`,
    });
    expect(places(checkLengths(tree))).toEqual(["src/dns/long.ts:2", "src/dns/b.test.ts:1"]);
  });

  test("a file has 400 lines, a hot step file 450", () => {
    const tree = files({
      "src/dns/a.ts": `${lines(401)}\n`,
      "src/dns/b.ts": `${lines(400)}\n`,
      "src/dns/hot/c.ts": `${lines(450)}\n`,
      "src/dns/hot/d.ts": `${lines(451)}\n`,
    });
    expect(places(checkLengths(tree))).toEqual(["src/dns/a.ts:0", "src/dns/hot/d.ts:0"]);
  });

  test("names that say nothing are banned, for files and folders", () => {
    const tree = files({
      "src/dns/utils.ts": "",
      "src/shared/a.ts": "",
      "src/dns/myFile.ts": "",
      "src/dns/a-file.test.ts": "",
      "src/dns/_private.ts": "",
    });
    expect(places(checkNames(tree))).toEqual([
      "src/dns/utils.ts:0",
      "src/shared/a.ts:0",
      "src/dns/myFile.ts:0",
    ]);
  });

  test("a mod.ts opens with a comment and holds no logic", () => {
    const tree = files({
      "src/dns/mod.ts": '/** Names. */\nexport { f } from "./f.ts";\n',
      "src/edge/mod.ts": 'export { f } from "./f.ts";\n',
      "src/probe/mod.ts": "/** Probes. */\nexport function f() {}\n",
      "src/store/mod.ts": `/**\n${" * x\n".repeat(14)} */\n`,
    });
    expect(places(checkMods(tree))).toEqual([
      "src/edge/mod.ts:1",
      "src/probe/mod.ts:2",
      "src/store/mod.ts:1",
    ]);
  });

  test("default exports are refused", () => {
    const tree = files({
      "src/dns/a.ts": "\nexport default 1;",
      "src/dns/b.ts": 'export { b as default } from "./a.ts";',
    });
    expect(places(checkDefaults(tree))).toEqual(["src/dns/a.ts:2", "src/dns/b.ts:1"]);
  });

  test("src/base has at most 12 files, not counting tests and base/real", () => {
    const twelve = Object.fromEntries([...Array(12).keys()].map((i) => [`src/base/f${i}.ts`, ""]));
    const uncounted = { "src/base/f1.test.ts": "", "src/base/real/x.ts": "" };
    expect(checkBase(files({ ...twelve, ...uncounted }))).toEqual([]);
    expect(checkBase(files({ ...twelve, "src/base/more.ts": "" }))).toHaveLength(1);
  });
});

describe("docs", () => {
  test("a runtime dependency is named by a decision record, in back-ticks", () => {
    const wrong = checkDependencies({ zod: "1", hono: "1" }, ["We take `zod` and hono"]);
    expect(wrong.map((one) => one.words)).toEqual([
      "A runtime dependency has a record in docs/decisions that names it: received hono",
    ]);
  });

  test("a decision record has a number of its own and three headings", () => {
    const whole = "# A\n\n## Context\n\n## Choice\n\n## Price paid\n";
    expect(checkRecords([{ path: "docs/decisions/0001-a.md", text: whole }])).toEqual([]);
    const wrong = checkRecords([
      { path: "docs/decisions/0001-a.md", text: whole },
      { path: "docs/decisions/0001-b.md", text: whole },
      { path: "docs/decisions/c.md", text: "# C\n" },
    ]);
    expect(places(wrong)).toEqual([
      "docs/decisions/0001-b.md:0",
      ...Array(4).fill("docs/decisions/c.md:0"),
    ]);
  });

  test("errorsPage() has one sorted row for each code", () => {
    const page = errorsPage({ b: ["self", "no", "B words"], a: ["client", "yes", "A words"] });
    expect(page.match(/^\| `.*/gm)).toEqual([
      "| `a` | client | yes | A words |",
      "| `b` | self | no | B words |",
    ]);
  });
});
