import AxeBuilder from "@axe-core/playwright";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { FakeClock } from "../../src/base/clock.ts";
import { portalHandler } from "../../src/portal/mod.ts";
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

/** The portal and a double of the API on one port, and a browser before them. */
export class Stage {
  readonly #browser: Browser;
  readonly #server: Bun.Server<undefined>;
  readonly #contexts: BrowserContext[] = [];
  /** What the browser complained of: errors of scripts, refusals of the policy. */
  readonly complaints: string[] = [];
  world: World = makeWorld();

  private constructor(browser: Browser, server: (stage: () => Stage) => Bun.Server<undefined>) {
    this.#browser = browser;
    this.#server = server(() => this);
  }

  static async open(): Promise<Stage> {
    const portal = await portalHandler({ clock: new FakeClock() });
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
    return new Stage(browser, (stage) =>
      Bun.serve({
        port: 0,
        hostname: "127.0.0.1",
        async fetch(request) {
          return (await portal(request)) ?? (await apiDouble(stage().world)(request));
        },
      }),
    );
  }

  /** A page of its own in a world of its own; signed in as `who`, unless that is null. */
  async page(who: "operator" | "owner" | "viewer" | "empty" | null, look = DESK): Promise<Page> {
    const context = await this.#browser.newContext({
      baseURL: this.#server.url.href,
      viewport: { width: look.width, height: 900 },
      colorScheme: look.scheme,
      reducedMotion: "reduce",
    });
    this.#contexts.push(context);
    if (who !== null) {
      const url = this.#server.url.href;
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
    await this.#browser.close();
    await this.#server.stop(true);
  }
}

/** Goes to an address and waits until its page has its data. */
export async function visit(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.locator("h1", { hasNotText: "Loading" }).waitFor();
  await page.getByRole("status", { name: "Loading" }).first().waitFor({ state: "detached" });
}

/** Makes a page that is there as wide and as coloured as that, and waits until it is drawn so. */
export async function turn(page: Page, look: Look): Promise<void> {
  await page.setViewportSize({ width: look.width, height: 900 });
  await page.emulateMedia({ colorScheme: look.scheme, reducedMotion: "reduce" });
  await page.evaluate((scheme) => {
    const shown = () => document.documentElement.dataset.mantineColorScheme === scheme;
    return new Promise<void>((resolve) => {
      const frame = () => requestAnimationFrame(() => (shown() ? resolve() : frame()));
      requestAnimationFrame(frame);
    });
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

/** Pixels by which a page is wider than its window: 0 if nothing has to be scrolled sideways. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
}
