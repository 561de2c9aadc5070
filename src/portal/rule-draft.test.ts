import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Rule, rule } from "../model/rules.ts";
import {
  draftOf,
  isShown,
  NEW_DRAFT,
  newRow,
  ownProblems,
  pathOfField,
  ruleOf,
} from "./app/parts/rule-draft.ts";
import { PART_NAMES, PARTS } from "./app/parts/rule-fields.ts";

const seconds = fc.integer({ min: 0, max: 86_400 });
const words = (...all: readonly string[]) =>
  fc.uniqueArray(fc.constantFrom(...all), { minLength: 1 });
const edits = fc.record(
  {
    set: fc.constant({ "x-a": "1: 2", "x-b": "three, four" }),
    add: fc.constant({ "x-c": "" }),
    remove: words("x-d", "x-e"),
  },
  { requiredKeys: ["set"] },
);
const on = fc.constant(true);

/** Rules of every kind, as people write them. */
const anyRule: fc.Arbitrary<unknown> = fc
  .record(
    {
      match: fc.record(
        {
          path: words("/img/*", "*.css", "/"),
          ignoreCase: on,
          methods: words("GET", "POST"),
          forms: words("first", "host"),
          query: words("a", "b"),
          headers: words("x-f"),
        },
        { requiredKeys: [] },
      ),
      key: fc.record(
        {
          query: fc.oneof(
            fc.constantFrom("none", "sorted"),
            fc.record({ only: words("p", "q") }),
            fc.record({ except: words("p", "q") }),
          ),
          headers: words("x-k"),
          cookies: fc.oneof(fc.constant([]), words("c", "d")),
          device: on,
          country: on,
          scheme: on,
        },
        { requiredKeys: [] },
      ),
      ttl: fc.array(
        fc.record(
          {
            status: fc.uniqueArray(fc.constantFrom<unknown>(404, 503, "2xx"), { minLength: 1 }),
            edgeSec: seconds,
            browserSec: seconds,
            staleWhileRevalidateSec: seconds,
            staleIfErrorSec: seconds,
          },
          { requiredKeys: ["edgeSec"] },
        ),
        { minLength: 1, maxLength: 4 },
      ),
      request: edits,
      response: edits,
      redirect: fc.record(
        {
          to: fc.constantFrom("/new/", "https://www.shop.example/"),
          status: fc.constantFrom(301, 308),
          keepPath: fc.boolean(),
          keepQuery: fc.boolean(),
        },
        { requiredKeys: ["to"] },
      ),
      https: fc.boolean(),
      compress: fc.oneof(
        fc.boolean(),
        fc.record({ types: words("text/*"), leastBytes: seconds.map((n) => n + 1) }),
      ),
      signed: fc.oneof(
        fc.constant(false),
        fc.record({ keys: words("a", "b"), cookie: fc.boolean() }, { requiredKeys: ["keys"] }),
      ),
      access: fc.record(
        {
          allow: words("198.51.100.0/24", "2001:db8::/32"),
          deny: words("192.0.2.0/24"),
          allowCountries: words("DE", "FR"),
          denyCountries: words("US"),
        },
        { requiredKeys: ["deny"] },
      ),
      rate: fc.oneof(
        fc.constant(false),
        fc.record({ perSec: fc.constantFrom(0.5, 20), burst: fc.constant(9) }),
      ),
      cors: fc.record(
        {
          origins: words("https://a.example", "https://*.b.example"),
          methods: words("GET", "PUT"),
          headers: fc.oneof(fc.constant([]), words("x-h")),
          maxAgeSec: seconds,
          credentials: fc.boolean(),
        },
        { requiredKeys: ["origins"] },
      ),
      errorPages: fc.array(
        fc.oneof(
          fc.record({ status: fc.constant([404]), path: fc.constant("/404.html") }),
          fc.record({
            status: fc.constant(["5xx"]),
            html: fc.constant("<p>\n{status}: sorry\n</p>"),
          }),
        ),
        { minLength: 1, maxLength: 3 },
      ),
    },
    { requiredKeys: ["match", "https"] },
  )
  .map((settings) => ({ name: "one", ...settings }));

describe("a rule in the form", () => {
  test("is the same rule again, whatever it says", () => {
    fc.assert(
      fc.property(anyRule, (written) => {
        const before: Rule = rule.parse(written);
        expect(ownProblems(draftOf(before))).toEqual({});
        expect(rule.parse(ruleOf(draftOf(before)))).toEqual(before);
        expect(isShown(before)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  test("is not shown by fields where one of its lists is there and empty", () => {
    expect(isShown(rule.parse({ name: "a", access: { allow: [] } }))).toBe(false);
    expect(isShown(rule.parse({ name: "a", https: true, key: { headers: [] } }))).toBe(false);
  });

  test("begins with nothing to do, and each part with what needs no more than its needed fields", () => {
    expect(ruleOf(NEW_DRAFT)).toEqual({ name: "", match: {} });
    for (const part of PART_NAMES) {
      const { fields, more } = PARTS[part];
      const needed = fields.filter(({ need, first }) => need && first === undefined);
      const found = ownProblems({ name: "a", parts: { [part]: [newRow(part)] } });
      expect(Object.keys(found)).toEqual(needed.map(({ name }) => `${part}.0.${name}`));
      expect(pathOfField(part, 1, "x")).toBe(more === undefined ? `${part}.x` : `${part}.1.x`);
    }
  });

  test("says which text is no number and no field with a value", () => {
    const parts = {
      ttl: [{ edgeSec: "a day" }],
      response: [{ set: "X-A: 1\nno colon" }],
      rate: [{ mode: "free", perSec: "many" }],
    };
    expect(ownProblems({ name: "a", parts })).toEqual({
      "ttl.0.edgeSec": "Expected a number",
      "response.0.set": "Expected lines such as X-Frame-Options: DENY",
    });
  });
});
