import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseMetrics } from "./metrics.ts";

describe("parseMetrics()", () => {
  test("reads names, labels, values and skips comments and timestamps", () => {
    const text = [
      "# HELP a words",
      "# TYPE a counter",
      'a{cpu="0",mode="idle"} 12.5',
      "b 3e2 1700000000000",
      'c{ x = "q\\"\\\\\\n" , } +Inf',
      "",
    ].join("\n");
    const { samples, badLines } = parseMetrics(text);
    expect(badLines).toBe(0);
    expect(samples.map((s) => [s.name, { ...s.labels }, s.value])).toEqual([
      ["a", { cpu: "0", mode: "idle" }, 12.5],
      ["b", {}, 300],
      ["c", { x: 'q"\\\n' }, Number.POSITIVE_INFINITY],
    ]);
  });

  test("counts and skips what is no sample", () => {
    const bad = ['a{x="1" 2', "a{x=1} 2", "9a 1", "a", "a one", "a 0x10", "a 1 2 3", '{x="1"} 1'];
    const { samples, badLines } = parseMetrics(`${bad.join("\n")}\nok 1`);
    expect(badLines).toBe(bad.length);
    expect(samples.map((s) => s.name)).toEqual(["ok"]);
  });

  test("a long number that is none takes no more time than it is long (H22)", () => {
    const text = `a ${"1".repeat(200_000)}x\nb 1.\nc .5\nd 1.5e3\n`;
    const { samples, badLines } = parseMetrics(text, { lineCharsMax: 1_000_000 });
    expect(badLines).toBe(1);
    expect(samples.map(({ value }) => value)).toEqual([1, 0.5, 1500]);
  });

  test("keeps only wanted names and stops at its limits", () => {
    const text = "a 1\nb 2\n".repeat(1000);
    expect(parseMetrics(text, { wanted: new Set(["b"]) }).samples.length).toBe(1000);
    const cut = parseMetrics(text, { samplesMax: 10 });
    expect([cut.samples.length, cut.truncated]).toEqual([10, true]);
    expect(parseMetrics(text, { linesMax: 10 }).truncated).toBe(true);
    expect(parseMetrics(`${"x".repeat(10_000)} 1\ny 1`).samples.map((s) => s.name)).toEqual(["y"]);
  });

  test("a label called __proto__ is only a label", () => {
    const labels = parseMetrics('a{__proto__="x"} 1').samples[0]?.labels;
    expect(Object.keys(labels ?? {})).toEqual(["__proto__"]);
  });

  test("never throws on any text", () => {
    const piece = fc.constantFrom(
      "a",
      "{",
      "}",
      '"',
      "\\",
      "=",
      ",",
      " ",
      "\n",
      "1",
      "e",
      "#",
      "é",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece).map((p) => p.join("")),
        ),
        (text) => {
          const { samples } = parseMetrics(text, { samplesMax: 5 });
          expect(samples.length).toBeLessThanOrEqual(5);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test("reads back any sample that is written", () => {
    const label = fc.string({ maxLength: 20 });
    fc.assert(
      fc.property(label, fc.double({ noNaN: true }), (value, number) => {
        const escaped = value.replace(/\\/g, "\\\\").replace(/"/g, '\\"').replace(/\n/g, "\\n");
        const written = String(number).replace("Infinity", "Inf");
        const sample = parseMetrics(`m{l="${escaped}"} ${written}\n`).samples[0];
        expect(sample?.labels.l).toBe(value);
        expect(sample?.value).toBe(number === 0 ? sample!.value : number);
      }),
      { numRuns: 500 },
    );
  });
});
