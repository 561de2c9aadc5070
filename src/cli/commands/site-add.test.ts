import { expect, test } from "bun:test";
import type { Fault } from "../../base/fault.ts";
import { site } from "../../model/site.ts";
import { type ApiClient, ApiRefusal } from "../api-client.ts";
import { originBody } from "./origin-add.ts";
import { putSite, siteBody } from "./site-add.ts";

/** As it goes over the wire: what is undefined is not there. */
function sent(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body));
}

const BEFORE = site.parse({
  hostname: "www.shop.example",
  onboarding: "delegation",
  front: "caches",
  ttlSec: 60,
  fetch: { webSockets: true },
  origins: [
    {
      name: "a",
      v4: "192.0.2.10",
      weight: 3,
      state: "drain",
      exporter: "http://192.0.2.10:9100/m",
    },
    { name: "b", host: "b.shop.example" },
  ],
});
const [A, B] = BEFORE.origins;

test("site add says of a site that is there what its flags say, and nothing else", () => {
  const { hostname: _, origins: __, ...kept } = BEFORE;
  expect(sent(siteBody({}, BEFORE))).toEqual(sent(kept));
  expect(sent(siteBody({ scheme: "https", port: "8443" }, BEFORE))).toEqual(
    sent({ ...kept, scheme: "https", port: 8443 }),
  );
});

test("site add puts web servers beside those that are there, and moves one of the same name", () => {
  const { origins } = siteBody({ origin: "a=192.0.2.11,c=2001:db8::c" }, BEFORE);
  expect(sent(origins)).toEqual(
    sent([{ ...A, v4: "192.0.2.11" }, B, { name: "c", v6: "2001:db8::c" }]),
  );
});

test("site add of a new site sends what its flags say and leaves the rest to the defaults", () => {
  expect(sent(siteBody({ onboarding: "hosted", origin: "a=192.0.2.10" }))).toEqual({
    onboarding: "hosted",
    origins: [{ name: "a", v4: "192.0.2.10" }],
  });
});

test("site add is about the site as it was read, and reads it again where others changed it meanwhile", async () => {
  const sent: unknown[] = [];
  const read = [
    { site: BEFORE, etag: '"1"' },
    { site: { ...BEFORE, ttlSec: 90 }, etag: '"2"' },
  ];
  const refusal = { type: "about:blank", title: "It was changed", code: "changed-since" };
  const call = async (name: string, { body, ifMatch }: { body?: unknown; ifMatch?: unknown }) => {
    if (name === "listSites") return read.slice(sent.length, sent.length + 1);
    sent.push([ifMatch, (body as { ttlSec?: number }).ttlSec]);
    if (sent.length === 2) return { changes: [], version: 3, snapshot: 3 };
    throw new ApiRefusal({ ...refusal, status: 412, problems: [] });
  };
  const api = { call } as unknown as ApiClient;
  const params = { customer: "shop", hostname: BEFORE.hostname };
  expect((await putSite(api, params, { port: "81" })).version).toBe(3);
  expect(sent).toEqual([
    ['"1"', 60],
    ['"2"', 90],
  ]);
  // Where there is none it is added, and nothing else.
  sent.length = 0;
  const other = { ...params, hostname: "new.shop.example" };
  await putSite(api, other, {});
  expect(sent).toEqual([
    [null, undefined],
    [null, undefined],
  ]);
});

test("origin add keeps what its flags do not say: weight, state, exporter", () => {
  const { name: _, ...kept } = A!;
  expect(sent(originBody({ v6: "2001:db8::10" }, A))).toEqual(
    sent({ ...kept, v6: "2001:db8::10" }),
  );
  expect(sent(originBody({ weight: "5" }, A))).toEqual(sent({ ...kept, weight: 5 }));
});

test("origin add finds a server by addresses or by a name, and lets the API refuse both", () => {
  const named = sent(originBody({ host: "a.shop.example" }, A)) as Record<string, unknown>;
  expect([named.v4, named.host, named.weight]).toEqual([undefined, "a.shop.example", 3]);
  const placed = sent(originBody({ v4: "192.0.2.12" }, B)) as Record<string, unknown>;
  expect([placed.v4, placed.host]).toEqual(["192.0.2.12", undefined]);
  const both = sent(originBody({ v4: "192.0.2.12", host: "a.shop.example" })) as Record<
    string,
    unknown
  >;
  expect([both.v4, both.host]).toEqual(["192.0.2.12", "a.shop.example"]);
});

test("what is no number is named with its flag", () => {
  const faults = [
    () => siteBody({ port: "eighty" }),
    () => originBody({ weight: "" }),
    () => originBody({ capacity: "1e999" }),
  ].map((act) => {
    try {
      act();
      return null;
    } catch (fault) {
      return (fault as Fault).problems;
    }
  });
  expect(faults).toEqual([
    [{ path: "--port", message: "expected a number", received: "eighty" }],
    [{ path: "--weight", message: "expected a number", received: "" }],
    [{ path: "--capacity", message: "expected a number", received: "1e999" }],
  ]);
});
