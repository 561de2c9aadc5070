import { expect, test } from "bun:test";
import { rule } from "../model/rules.ts";
import { doesWords } from "./app/parts/rule-words.ts";

const SAID: readonly (readonly [settings: object, words: string])[] = [
  [{ https: true }, "sends plain HTTP to HTTPS"],
  [{ https: false }, "leaves plain HTTP as it is"],
  [{ compress: true }, "compresses text"],
  [{ compress: false }, "compresses nothing"],
  [{ compress: { types: ["text/html"] } }, "compresses text/html"],
  [{ signed: false }, "needs no signature"],
  [{ signed: { keys: ["a", "b"] } }, "only with a signature by a or b"],
  [{ rate: false }, "free of later limits"],
  [
    { rate: { perSec: 2.5, burst: 40 } },
    "at most 2.5 requests a second of each client, 40 at once",
  ],
  [{ access: { allow: [] } }, "lets nobody in"],
  [
    { access: { allowCountries: ["DE", "FR", "IT", "ES"], deny: ["198.51.100.0/24"] } },
    "lets in only DE, FR, IT and 1 more; never lets in 198.51.100.0/24",
  ],
  [{ access: {} }, "lets everybody in"],
  [{ redirect: { to: "/new/", keepPath: true } }, "redirects to /new/ and the path (302)"],
  [{ cors: { origins: ["*"] } }, "answers CORS for *"],
  [{ key: { query: "none", cookies: [] } }, "one object whatever the query; sends on no cookie"],
  [
    { key: { query: { only: ["page"] }, headers: ["X-Tenant"], device: true } },
    "keeps objects apart by the parameters page, the fields x-tenant, device",
  ],
  [{ key: {} }, "nothing yet"],
  [
    {
      ttl: [
        { status: [404], edgeSec: 10 },
        { edgeSec: 86_400, browserSec: 5400 },
      ],
    },
    "keeps 404 for 10 s in caches; keeps answers for 1 d in caches, 90 min in browsers",
  ],
  [{ ttl: [{ staleIfErrorSec: 0 }] }, "keeps answers for 0 s more while web servers fail"],
  [{ errorPages: [{ status: ["5xx"], path: "/e.html" }] }, "has pages of its own for 5xx"],
  [
    { request: { remove: ["x-a"] }, response: { remove: ["x-a"] } },
    "edits fields to web servers; edits fields to users",
  ],
];

for (const [settings, words] of SAID) {
  test(`of ${JSON.stringify(settings)} the portal says "${words}"`, () => {
    expect(doesWords(rule.parse({ name: "a", ...settings })).join("; ")).toBe(words);
  });
}
