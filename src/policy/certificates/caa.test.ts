import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Caa } from "../../wire/dns/mod.ts";
import { type CaaAsk, caaRefusal, caaValues } from "./caa.ts";

const ACCOUNT = "https://ca.example/account/1";
const ASK: CaaAsk = { issuers: ["ca.example"], challenge: "dns-01", account: ACCOUNT };

function caa(...texts: readonly string[]): Caa[] {
  return texts.map((text) => {
    const [tag = "", ...rest] = text.split(" ");
    return { critical: tag.endsWith("!"), tag: tag.replace("!", ""), value: rest.join(" ") };
  });
}

test("caaRefusal() lets issue who is named, or anybody where no issue tag is (RFC 8659 4.2)", () => {
  const allowed = [
    [],
    ["iodef mailto:a@shop.example"],
    ["issuewild ;"],
    ["issuewild other.example"],
    ["issue ca.example"],
    ["issue  CA.Example ; "],
    ["issue other.example", "issue ca.example; policy=ev"],
    ["issue ;", "issue ca.example"],
    ["issue! ca.example", "contactemail! a@shop.example"],
    [`issue ca.example; accounturi=${ACCOUNT}`],
    ["issue ca.example; validationmethods=http-01,dns-01"],
    ["issue ca.example; validationmethods = dns-01 ;"],
    // Two records are met by either.
    ["issue ca.example; validationmethods=http-01", "issue ca.example; validationmethods=dns-01"],
  ];
  for (const texts of allowed)
    expect([texts, caaRefusal(caa(...texts), ASK)]).toEqual([texts, null]);
});

test("caaRefusal() says who may issue instead, or what is not met (RFC 8657)", () => {
  const other = "only other.example may issue, and not ca.example";
  const refused: [string[], string | RegExp][] = [
    [["issue ;"], "nobody may issue"],
    [["issue "], "nobody may issue"],
    [["issue %%%%"], "nobody may issue"],
    [["issue ca.example; a b"], "nobody may issue"],
    [["issue ca.example;; a=b"], "nobody may issue"],
    [["issue ca..example"], "nobody may issue"],
    [["issue other.example"], other],
    [["issue other.example", "issuewild ca.example"], other],
    [["issue ca.example", "tbs! unknown"], "its critical tag tbs is not known"],
    [["issue ca.example; accounturi=https://ca.example/account/2"], /for another account only/],
    [[`issue ca.example; accounturi=${ACCOUNT}; accounturi=${ACCOUNT}`], /for another account/],
    [["issue ca.example; validationmethods=http-01"], /after http-01 only, and not after dns-01/],
    [["issue ca.example; validationmethods="], /and not after dns-01/],
  ];
  for (const [texts, words] of refused) {
    const refusal = caaRefusal(caa(...texts), ASK) ?? "allowed";
    if (typeof words === "string") expect([texts, refusal]).toEqual([texts, words]);
    else expect(refusal).toMatch(words);
  }
});

test("caaRefusal() of an authority whose names nobody said finds only what forbids every one", () => {
  const unnamed = { ...ASK, issuers: null };
  expect(caaRefusal(caa("issue other.example"), unnamed)).toBeNull();
  expect(caaRefusal(caa("issue ;"), unnamed)).toBe("nobody may issue");
});

test("caaRefusal() takes any text, and never lets issue by more records than are met alone", () => {
  const value = fc.oneof(
    fc.string({ maxLength: 30 }),
    fc.constantFrom("ca.example", "other.example; a=b", ";"),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 5 }), (values) => {
      const records = values.map((one) => ({ critical: false, tag: "issue", value: one }));
      const isAllowed = caaRefusal(records, ASK) === null;
      expect(isAllowed).toBe(records.some((one) => caaRefusal([one], ASK) === null));
    }),
  );
});

test("caaValues() let the authority issue for its account by our way, and nobody for wildcards", () => {
  const values = caaValues(["ca.example"], { challenge: "dns-01", account: ACCOUNT });
  expect(values).toEqual([
    `0 issue "ca.example; validationmethods=dns-01; accounturi=${ACCOUNT}"`,
    '0 issuewild ";"',
  ]);
  const records = values.map((text) => {
    const [, tag = "", of = ""] = /^0 (\S+) "(.*)"$/.exec(text) ?? [];
    return { critical: false, tag, value: of };
  });
  expect(caaRefusal(records, ASK)).toBeNull();
  expect(caaRefusal(records, { ...ASK, account: "" })).toMatch(/another account/);
  expect(caaValues(["a.example"], { challenge: "http-01", account: null })).toEqual([
    '0 issue "a.example; validationmethods=http-01"',
    '0 issuewild ";"',
  ]);
});
