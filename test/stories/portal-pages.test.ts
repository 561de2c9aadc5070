import { describe, expect } from "bun:test";
import type { Page } from "playwright-core";
import {
  cutTablesOf,
  overflowOf,
  seriousFindings,
  stageOfStories,
  story,
  turn,
  visit,
} from "../portal/stage.ts";

const stage = stageOfStories();

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
  ["owner", `${SITE}/logs`],
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

/**
 * A page is loaded once, as a phone would, and then looked at in each of these. Axe looks at it once
 * in each scheme: once narrow, once wide.
 */
const LOOKS = [
  { scheme: "dark", width: 390, axe: true },
  { scheme: "light", width: 390, axe: false },
  { scheme: "light", width: 1440, axe: true },
  { scheme: "dark", width: 1280, axe: false },
] as const;

/** So many pages are one test: each has a limit of its own, also on a slow machine. */
const PAGES_PER_TEST = 5;
const PARTS = Array.from({ length: Math.ceil(PAGES.length / PAGES_PER_TEST) }, (_, i) =>
  PAGES.slice(i * PAGES_PER_TEST, (i + 1) * PAGES_PER_TEST),
);

describe("every page", () => {
  for (const pages of PARTS) {
    const which = `${pages[0]![1]} to ${pages.at(-1)![1]}`;
    const words = "fit a phone and a desk in both colour schemes, without a serious finding of axe";
    story(`${which} ${words}`, async () => {
      let page = await stage.page(null, LOOKS[0]);
      let before: string | null = null;
      const found: string[] = [];
      for (const [who, path] of pages) {
        if (who !== before) page = await stage.page(who, LOOKS[0]);
        before = who;
        await page.setViewportSize({ width: LOOKS[0].width, height: 900 });
        await visit(page, path);
        for (const look of LOOKS) found.push(...(await faultsOf(page, path, look)));
      }
      expect(found).toEqual([]);
    });
  }
});

/** What is wrong with a page that is there, in one look. */
async function faultsOf(
  page: Page,
  path: string,
  look: (typeof LOOKS)[number],
): Promise<readonly string[]> {
  await turn(page, look);
  const at = `${path} at ${look.width} px in ${look.scheme} colours`;
  const wide = await overflowOf(page);
  const findings = look.axe ? await seriousFindings(page) : [];
  const cut = await cutTablesOf(page);
  return [
    ...cut.map((table) => `${at}: the table "${table}" has columns out of sight`),
    ...(wide > 0 ? [`${at} is ${wide} px too wide`] : []),
    ...findings.map((finding) => `${at}: ${finding}`),
  ];
}
