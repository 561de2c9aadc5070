import { expect, test } from "bun:test";
import { SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { noUsage } from "../../model/usage.ts";
import { receive } from "./ask.ts";
import { EdgeCounts } from "./count.ts";
import { refusals } from "./refuse.ts";
import { compileTable } from "./table.ts";

const HOST = "www.shop.example";
const [customer] = SMALL.customers;
const sites = [
  { ...customer!.sites[0]!, front: "caches", cache: { aliases: ["static.shop.example"] } },
];
const file = { ...SMALL, customers: [{ ...customer!, sites }] };
const table = compileTable(snapshotOf(file), { of: () => noUsage() }, new EdgeCounts());

/** As which form it goes on, or why it does not. */
function asked(url: string): unknown {
  const headers = { host: new URL(url).host };
  const said = receive(new Request(url, { headers }), table, "192.0.2.1");
  return "status" in said ? said : said.form;
}

test("no site's web server shows an authority that it holds a name of the network's (T7)", () => {
  for (const kind of ["acme-challenge", "pki-validation", "Acme-Challenge"]) {
    const path = `/.well-known/${kind}/token`;
    expect(asked(`http://${HOST}.cdn.example${path}`)).toBe(refusals.notTheirName);
    expect(asked(`http://${HOST}.cdn.example:8080/x/..${path}?x=1`)).toBe(refusals.notTheirName);
    // Its own names it may have certificates for.
    expect(asked(`http://${HOST}${path}`)).toBe("first");
    expect(asked(`http://static.shop.example${path}`)).toBe("alias");
    expect(asked(`http://c.cdn.example/${HOST}${path}`)).toBe("path");
  }
  expect(asked(`http://${HOST}.cdn.example/.well-known/security.txt`)).toBe("host");
});
