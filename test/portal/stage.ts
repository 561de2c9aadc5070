import { afterAll, afterEach, beforeAll, expect } from "bun:test";
import AxeBuilder from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { assert } from "../../src/base/assert.ts";
import { FakeClock } from "../../src/base/clock.ts";
import { portalHandler } from "../../src/portal/mod.ts";
import { testWith, whyNot } from "../lab/needs.ts";
import { apiDouble } from "./api.ts";
import { makeWorld, type World } from "./world.ts";

export const CHROMIUM = "/usr/bin/chromium";
export const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Look {
  readonly width: number;
  readonly scheme: "light" | "dark";
}

export const DESK: Look = { width: 1440, scheme: "light" };

/** The portal and a double of the API on one port, and a browser before them, once it is open. */
export class Stage {
  #opened: { readonly browser: Browser; readonly server: Bun.Server<undefined> } | null = null;
  readonly #contexts: BrowserContext[] = [];
  /** What the browser complained of: errors of scripts, refusals of the policy. */
  readonly complaints: string[] = [];
  world: World = makeWorld();

  async open(): Promise<void> {
    const portal = await portalHandler({ clock: new FakeClock() });
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
    const stage = this;
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      async fetch(request) {
        return (await portal(request)) ?? (await apiDouble(stage.world)(request));
      },
    });
    this.#opened = { browser, server };
  }

  /** A page of its own in a world of its own; signed in as `who`, unless that is null. */
  async page(who: "operator" | "owner" | "viewer" | "empty" | null, look = DESK): Promise<Page> {
    assert(this.#opened !== null, "a page of a stage that is not open");
    const { browser, server } = this.#opened;
    const context = await browser.newContext({
      baseURL: server.url.href,
      viewport: { width: look.width, height: 900 },
      colorScheme: look.scheme,
      reducedMotion: "reduce",
    });
    this.#contexts.push(context);
    if (who !== null) {
      const url = server.url.href;
      await context.addCookies([{ name: "tp_session", value: who, url }]);
    }
    const page = await context.newPage();
    page.on("pageerror", (error) => this.complaints.push(error.message));
    page.on("console", (message) => {
      const text = message.text();
      if (message.type() === "error" && !text.startsWith("Failed to load resource")) {
        this.complaints.push(text);
      }
    });
    return page;
  }

  /** Closes the pages and starts over with a new world. */
  async clear(): Promise<void> {
    await Promise.all(this.#contexts.splice(0).map((context) => context.close()));
    this.world = makeWorld();
    this.complaints.length = 0;
  }

  async close(): Promise<void> {
    await this.clear();
    await this.#opened?.browser.close();
    await this.#opened?.server.stop(true);
  }
}

/** The stage of a file of stories: open before the first, as new for each, and silent after each. */
export function stageOfStories(): Stage {
  const stage = new Stage();
  beforeAll(async () => {
    if (whyNot([CHROMIUM]) === null) await stage.open();
  });
  afterEach(async () => {
    const complaints = [...stage.complaints];
    await stage.clear();
    expect(complaints).toEqual([]);
  });
  afterAll(() => stage.close());
  return stage;
}

/** A story that needs a browser. */
export function story(name: string, run: () => Promise<void>): void {
  testWith([CHROMIUM], name, run);
}

/** Goes to an address and waits until its page has its data. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.locator("h1", { hasNotText: "Loading" }).waitFor();
  await page.getByRole("status", { name: "Loading" }).first().waitFor({ state: "detached" });
}

/**
 * Follows the log of a site on its page. It begins with the first answer, which tells from where on, and
 * says before that it waits.
 */
export async function follow(page: Page): Promise<void> {
  const begins = page.waitForResponse(/\/log\?/);
  await page.getByRole("button", { name: "Follow" }).click();
  await page.getByText("Waiting for a request").waitFor();
  await begins;
}

/** Makes a page that is there as wide and as coloured as that, and waits until it is drawn so. */
export async function turn(page: Page, look: Look): Promise<void> {
  await page.setViewportSize({ width: look.width, height: 900 });
  await page.emulateMedia({ colorScheme: look.scheme, reducedMotion: "reduce" });
  await page.evaluate(async (scheme) => {
    const shown = () => document.documentElement.dataset.mantineColorScheme === scheme;
    await new Promise<void>((resolve) => {
      const frame = () => requestAnimationFrame(() => (shown() ? resolve() : frame()));
      requestAnimationFrame(frame);
    });
    // The frame makes room for the places to go to, or takes it, in some steps: here at once.
    for (const one of document.getAnimations()) if (one instanceof CSSTransition) one.finish();
  }, look.scheme);
}

/** Axe's serious and critical findings, one line each. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode(true)
    .options({ resultTypes: ["violations"] })
    .analyze();
  return violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.join(" ")}: ${n.failureSummary}`));
}

/** Tables of which a part is out of sight until they are scrolled sideways, by their names. */
export function cutTablesOf(page: Page): Promise<readonly string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll(".tp-table-card")]
      .filter((card) => card.scrollWidth > card.clientWidth)
      .map((card) => card.querySelector("table")?.getAttribute("aria-label") ?? "a table"),
  );
}

/** Pixels by which a page is wider than its window: 0 if nothing has to be scrolled sideways. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
}
