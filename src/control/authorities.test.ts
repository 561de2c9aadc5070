import { expect, test } from "bun:test";
import { type Network, network } from "../model/network.ts";
import { authorityProblems, authorityRows } from "./authorities.ts";
import { NETWORK_PAIR, OLD_AUTHORITY, SHOP_PAIR } from "./certificate.fixture.ts";

const NOW_MS = Date.parse("2026-11-23T12:00:00Z");
const FIRST = SHOP_PAIR.cert;
const BROKEN = FIRST.replace("MIIBSjCB8qADAgEC", "MIIBSjCB8qADAgEX");

function networkWith(ca: string | undefined, more: object = {}): Network {
  return network.parse({
    zone: "cdn.example",
    plans: [{ name: "flat", title: "Flat", currency: "EUR", kind: "fixed", monthly: "1" }],
    customers: [
      { name: "news", plan: "flat", sites: [{ hostname: "www.news.example" }] },
      {
        name: "shop",
        plan: "flat",
        sites: [
          { hostname: "a.shop.example" },
          { hostname: "www.shop.example", ...(ca === undefined ? {} : { fetch: { ca } }) },
        ],
      },
    ],
    ...more,
  });
}

function problemsOf(ca: string, before: Network | null = null, nowMs = NOW_MS) {
  return authorityProblems(before, networkWith(ca), nowMs).map((problem) => {
    expect(problem.path).toBe("customers.1.sites.1.fetch.ca");
    return `${problem.message}: received ${problem.received}`;
  });
}

test("authorities are certificates in PEM, one or more, whatever is said between them", () => {
  expect(problemsOf(FIRST)).toEqual([]);
  expect(problemsOf(`${FIRST}\n# the other one\n${NETWORK_PAIR.cert}`)).toEqual([]);
});

test("what is none is refused by its number, and what else is in PEM by its first line, never repeated", () => {
  expect(problemsOf(`${FIRST}${BROKEN}`)).toEqual([
    `expected an X.509 certificate in PEM as number 2 of 2: received ${BROKEN.trim().length} characters that are none`,
  ]);
  const nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  expect(problemsOf(nonsense)).toHaveLength(1);
  expect(problemsOf(FIRST.slice(0, 200))).toEqual([
    "expected certificates in PEM, each whole, and nothing else in PEM: received -----BEGIN CERTIFICATE-----",
  ]);
  const [told = ""] = problemsOf(`${FIRST}${SHOP_PAIR.key}`);
  expect(told).toEndWith("received -----BEGIN PRIVATE KEY-----");
});

test("one that has ended is no problem beside one that has not; all of them ended are", () => {
  expect(problemsOf(`${OLD_AUTHORITY}${FIRST}`)).toEqual([]);
  expect(problemsOf(OLD_AUTHORITY)).toEqual([
    "expected at least one certificate that has not ended: received the last of 1 ended 2022-01-01T00:00:00.000Z",
  ]);
  expect(problemsOf(FIRST, null, Date.parse("2048-01-01T00:00:00Z"))).toHaveLength(1);
});

test("what was there before is in nobody's way, whatever has become of it", () => {
  const before = networkWith(BROKEN);
  expect(authorityProblems(before, before, NOW_MS)).toEqual([]);
  expect(authorityProblems(before, networkWith(BROKEN), NOW_MS)).toEqual([]);
  expect(problemsOf(OLD_AUTHORITY, before)).toHaveLength(1);
  expect(authorityProblems(before, networkWith(undefined), NOW_MS)).toEqual([]);
});

test("the network's own are looked at, too: of caches that ask each other, and of the ACME directory", () => {
  const directory = "https://ca.example/dir";
  const acme = { directory, termsAgreed: true, ca: `${FIRST}${BROKEN}` };
  const own = networkWith(undefined, { tiers: { tls: true, ca: BROKEN }, acme });
  expect(authorityProblems(null, own, NOW_MS).map(({ path }) => path)).toEqual([
    "tiers.ca",
    "acme.ca",
  ]);
  expect(authorityProblems(own, own, NOW_MS)).toEqual([]);
});

test("people are shown who vouches for a site's servers, and until when", () => {
  const site = networkWith(`${OLD_AUTHORITY}${FIRST}`).customers[1]?.sites[1];
  expect(authorityRows(site!, NOW_MS)).toEqual([
    expect.objectContaining({ subject: "Old authority", state: "ended" }),
    {
      subject: "www.shop.example",
      fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/),
      state: "valid",
      notBefore: "2020-01-01T00:00:00.000Z",
      notAfter: "2047-05-19T00:00:00.000Z",
    },
  ]);
  const early = authorityRows(site!, Date.parse("2019-01-01T00:00:00Z"));
  expect(early?.map(({ state }) => state)).toEqual(["not-yet", "not-yet"]);
  expect(authorityRows(networkWith(undefined).customers[0]!.sites[0]!, NOW_MS)).toBeUndefined();
});
