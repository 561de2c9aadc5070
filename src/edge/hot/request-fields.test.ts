import { expect, test } from "bun:test";
import { rules } from "../../model/rules.ts";
import { type Ask, fieldsSeen } from "./ask.ts";
import { fieldsToSend } from "./request-fields.ts";
import { compileEntryRules } from "./rules-table.ts";

const HOST = "www.shop.example";

/** What a web server of a site with these rules is sent of a client's fields. */
function sent(given: unknown, fields: Record<string, string>) {
  const parsed = rules.parse(given);
  const seen = { method: "GET", form: "first", path: "/", query: "", has: () => false } as const;
  const plan = compileEntryRules(parsed)!.site.planFor(seen);
  const request = new Request(`http://${HOST}/`, { headers: { host: HOST, ...fields } });
  const ruled = { plan, country: null, signedBy: null, encode: () => null, settle: null };
  const of = { form: "first", request, client: "192.0.2.1" } as const;
  const ask = {
    ...of,
    method: "GET",
    ruled,
    entry: { hostField: HOST },
    get: fieldsSeen(of, ruled),
  };
  const sending = { conditions: [], shared: true, cdnId: "cdn.example" };
  const all = fieldsToSend(ask as unknown as Ask, {
    ...{ sending, shown: { field: null }, node: "edge-1" },
  });
  return new Map(all.filter(([name]) => name in fields));
}

test("a key made of what frames a request or is its connection's has none of that sent on (H1)", () => {
  const framing = {
    ...{ "transfer-encoding": "chunked", "content-length": "5", expect: "100-continue" },
    ...{ te: "trailers", trailer: "x-a", upgrade: "h2c", "keep-alive": "timeout=5" },
  };
  const headers = Object.keys(framing).slice(0, 7);
  const given = [{ name: "keyed", key: { headers: [...headers, "x-tenant"] } }];
  const fields = { ...framing, "x-tenant": "one" };
  expect([...sent(given, fields)]).toEqual([["x-tenant", "one"]]);
});
