import { afterAll, afterEach, beforeAll, describe, expect } from "bun:test";
import { testWith, whyNot } from "../lab/needs.ts";
import { CHROMIUM, overflowOf, Stage, seriousFindings, visit } from "../portal/stage.ts";

let stage: Stage;

beforeAll(async () => {
  if (whyNot([CHROMIUM]) === null) stage = await Stage.open();
});
afterEach(async () => {
  const complaints = [...(stage?.complaints ?? [])];
  await stage?.clear();
  expect(complaints).toEqual([]);
});
afterAll(async () => {
  await stage?.close();
});

const SITE = "/customers/acme/sites/www.shop.example";

/** Every page, by who may see it. */
const PAGES = [
  [null, "/sign-in"],
  ["empty", "/customers/globex/sites"],
  ["owner", "/customers/acme/sites"],
  ["owner", "/customers/acme/add-site"],
  ["owner", SITE],
  ["owner", `${SITE}/web-servers/web-2/who`],
  ["owner", `${SITE}/traffic`],
  ["owner", `${SITE}/steering`],
  ["owner", `${SITE}/rules`],
  ["owner", `${SITE}/purge`],
  ["owner", `${SITE}/set-up`],
  ["empty", "/customers/globex/zones"],
  ["owner", "/customers/acme/zones"],
  ["owner", "/customers/acme/add-zone"],
  ["owner", "/customers/acme/zones/shop.example"],
  ["empty", "/customers/globex/certificates"],
  ["owner", "/customers/acme/certificates"],
  ["empty", "/customers/globex/credentials"],
  ["owner", "/customers/acme/credentials"],
  ["owner", "/customers/acme/usage"],
  ["owner", "/account"],
  ["owner", "/nowhere"],
  ["operator", "/customers"],
  ["operator", "/customers/acme/invoices"],
  ["operator", "/customers/acme/invoices/inv-2026-11"],
  ["operator", "/nodes"],
  ["operator", "/nodes/fra-1/who"],
  ["operator", "/snapshots"],
  ["operator", "/draft"],
  ["operator", "/certificates"],
  ["operator", "/audit"],
] as const;

/** Axe looks at each page once in each scheme: once wide, once narrow. */
const LOOKS = [
  { scheme: "light", width: 1440, axe: true },
  { scheme: "light", width: 390, axe: false },
  { scheme: "dark", width: 1440, axe: false },
  { scheme: "dark", width: 390, axe: true },
] as const;

/** So many pages are one test: each has a limit of its own, also on a slow machine. */
const PAGES_PER_TEST = 7;
const PARTS = Array.from({ length: Math.ceil(PAGES.length / PAGES_PER_TEST) }, (_, i) =>
  PAGES.slice(i * PAGES_PER_TEST, (i + 1) * PAGES_PER_TEST),
);
const CASES = LOOKS.flatMap((look) => PARTS.map((pages) => ({ ...look, pages })));

describe("every page", () => {
  for (const { scheme, width, axe, pages } of CASES) {
    const words = axe ? " without a serious finding of axe" : "";
    const which = `${pages[0]![1]} to ${pages.at(-1)![1]}`;
    testWith([CHROMIUM], `${which} fit ${width} px in ${scheme} colours${words}`, async () => {
      let page = await stage.page(null, { width, scheme });
      let before: string | null = null;
      const found: string[] = [];
      for (const [who, path] of pages) {
        if (who !== before) page = await stage.page(who, { width, scheme });
        before = who;
        await visit(page, path);
        const wide = await overflowOf(page);
        if (wide > 0) found.push(`${path} is ${wide} px too wide`);
        const findings = axe ? await seriousFindings(page) : [];
        found.push(...findings.map((finding) => `${path}: ${finding}`));
      }
      expect(found).toEqual([]);
    });
  }
});
