import { expect, test } from "bun:test";
import { silentLog } from "../base/log.ts";
import { MemoryObject, type ObjectMeta } from "./cache/mod.ts";
import { Encoder } from "./encoder.ts";

function objectOf(customer: string, name: string, bodyBytes: number): MemoryObject {
  const meta: ObjectMeta = {
    ...{ key: `${customer} www /${name}`, customer, site: "www", path: `/${name}` },
    ...{ vary: [], variant: "", status: 200, fields: [], etag: null },
    ...{ lastModified: null, lastModifiedMs: null, receivedMs: 0, bodyBytes },
    freshness: {
      ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0, alwaysValidate: false },
      onErrorMs: 0,
    },
  };
  return new MemoryObject(meta, new Uint8Array(bodyBytes));
}

test("who waits for a coding is told once it is made, or that there is no room for it to wait in", async () => {
  const made: string[] = [];
  const keepEncoded = (_: MemoryObject, coding: string) => void made.push(coding);
  const encoder = new Encoder({ memory: { keepEncoded }, log: silentLog });
  const object = objectOf("some", "a", 4_000);
  const br = encoder.want(object, "br");
  const gzip = encoder.want(object, "gzip");
  expect(encoder.want(object, "br")).toBe(br);
  await gzip;
  expect(made).toEqual(["br", "gzip"]);
  const large = Array.from({ length: 20 }, (_, i) => objectOf("some", `${i}`, 1024 * 1024));
  const room = large.map((one) => encoder.want(one, "gzip") !== null);
  expect([room[0], room.at(-1)]).toEqual([true, false]);
  await encoder.stop();
});

test("a customer with much to compress leaves room for the others'", async () => {
  const kept: string[] = [];
  const keepEncoded = (object: MemoryObject) => void kept.push(object.meta.key);
  const encoder = new Encoder({ memory: { keepEncoded }, log: silentLog });
  for (let i = 0; i < 40; i++) encoder.want(objectOf("much", String(i), 1024 * 1024), "gzip");
  for (let i = 0; i < 40; i++) encoder.want(objectOf("also", String(i), 1024 * 1024), "gzip");
  encoder.want(objectOf("some", "a", 4_000), "br");
  await encoder.stop();
  const of = (customer: string) => kept.filter((key) => key.startsWith(`${customer} `)).length;
  expect([of("much"), of("also"), of("some")]).toEqual([8, 4, 1]);
  // What was made has given its room back.
  for (let i = 0; i < 40; i++) encoder.want(objectOf("some", String(i), 1024 * 1024), "gzip");
  await encoder.stop();
  expect(of("some")).toBe(9);
});
