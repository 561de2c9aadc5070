import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  loadOfObject,
  ORCA_BINARY_FIELD,
  ORCA_FIELD,
  orcaOf,
  readLoadObject,
  readOrca,
} from "./mod.ts";

describe("readLoadObject()", () => {
  test("reads JSON and XML, and the load is current by target", () => {
    const json = readLoadObject('{"current": 45, "target": 60, "maximum": 100, "unit": "rps"}');
    expect(json).toEqual({ current: 45, target: 60, maximum: 100 });
    const xml = `<?xml version="1.0"?><server-load><current-load>45</current-load>
      <target-load> 60 </target-load><max-load>100</max-load></server-load>`;
    expect(readLoadObject(xml)).toEqual(json);
    expect(loadOfObject(json!)).toEqual({
      kind: "reported",
      load: 0.75,
      detail: "current 45, target 60, maximum 100",
    });
  });

  test("counts from the maximum on as full, and takes it for a target that is not named", () => {
    expect(loadOfObject({ current: 50, target: 100, maximum: 50 }).load).toBe(1);
    expect(loadOfObject({ current: 25, target: null, maximum: 50 }).load).toBe(0.5);
  });

  test("is null for what tells no load", () => {
    const bad = ["", "{}", "[]", "null", "7", '{"current":1}', '{"current":-1,"target":5}', "<a/>"];
    for (const text of [...bad, '{"current":"1","target":2}', '{"current":1,"target":0}']) {
      expect([text, readLoadObject(text)]).toEqual([text, null]);
    }
  });

  test("gives finite loads or nothing, whatever it reads", () => {
    const numbers = fc.record({ current: fc.double(), target: fc.double(), maximum: fc.double() });
    const texts = fc.oneof(
      fc.string(),
      fc.json(),
      numbers.map((one) => JSON.stringify(one)),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const object = readLoadObject(text);
        if (object === null) return;
        const { load } = loadOfObject(object);
        expect(load >= 0 && Number.isFinite(load)).toBe(true);
      }),
    );
  });
});

describe("readOrca()", () => {
  test("reads the text and the JSON form", () => {
    const loads = [
      { kind: "reported", load: 0.7, detail: "ORCA: application at 70 %" },
      { kind: "cpu", load: 0.3, detail: "ORCA: busy 30 %" },
      { kind: "memory", load: expect.closeTo(0.5), detail: "ORCA: used 90 %" },
    ];
    const text =
      "TEXT cpu_utilization=0.3, mem_utilization=0.9,application_utilization=0.7, named_metrics.q=9";
    expect(readOrca(text)).toEqual(loads as never);
    const json = {
      cpu_utilization: 0.3,
      mem_utilization: 0.9,
      application_utilization: 0.7,
      named_metrics: { q: 9 },
    };
    expect(readOrca(`JSON ${JSON.stringify(json)}`)).toEqual(loads as never);
    expect(readOrca('JSON {"cpuUtilization":0.3}')[0]?.load).toBe(0.3);
  });

  test("reads the binary form, past fields that tell no load", () => {
    // As `protoc --encode` writes: cpu 0.3, mem 0.9, rps 7, request_cost {a: 1}, eps 2, application 0.7.
    const hex =
      "09333333333333d33f11cdccccccccccec3f1807220c0a01611100000000" +
      "0000f03f39000000000000004049666666666666e63f";
    const binary = Buffer.from(hex, "hex").toString("base64");
    const text = "TEXT cpu_utilization=0.3,mem_utilization=0.9,application_utilization=0.7";
    expect(readOrca(`BIN ${binary}`)).toEqual(readOrca(text));
    expect(orcaOf((name) => (name === ORCA_BINARY_FIELD ? binary : null))).toBe(`BIN ${binary}`);
    expect(orcaOf((name) => (name === ORCA_FIELD ? text : binary))).toBe(text);
  });

  test("takes any bytes for a binary form without throwing, and loads only from 0 on", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        for (const one of readOrca(`BIN ${Buffer.from(bytes).toString("base64")}`)) {
          expect(one.load).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  test("takes nothing from other forms and from values that are none", () => {
    const bad = [
      "",
      "BIN CAE=",
      "BIN not base64",
      "BIN CQAA",
      "BIN CQAAAAAAAPC/",
      "BIN EgYKBGNvc3Q",
      "cpu_utilization=1",
      "TEXT cpu_utilization=-1",
      "JSON [",
      "JSON 7",
    ];
    for (const field of bad) expect([field, readOrca(field)]).toEqual([field, []]);
  });

  test("never throws", () => {
    fc.assert(
      fc.property(fc.constantFrom("TEXT ", "JSON ", ""), fc.string(), (form, body) => {
        for (const { load } of readOrca(form + body)) expect(Number.isFinite(load)).toBe(true);
      }),
    );
  });
});
