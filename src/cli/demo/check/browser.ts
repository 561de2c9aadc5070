import { existsSync } from "node:fs";
import type { Page } from "playwright-core";
import { ACCOUNTS, NEWS, SHOP } from "../layout.ts";
import type { Scene } from "./claim.ts";

const CHROMIUM = "/usr/bin/chromium";
const BROWSER_MS = 20_000;

/** Named at run time, so that a compiled binary does not carry a driver of browsers. */
const DRIVER: string = "playwright-core";

function loadDriver(): Promise<typeof import("playwright-core")> {
  return import(DRIVER);
}

/** Where Chromium and its driver are both installed. */
export async function hasBrowser(): Promise<boolean> {
  return existsSync(CHROMIUM) && (await loadDriver().catch(() => null)) !== null;
}

/** A page of a real browser in which a customer's member has signed in. */
export async function inBrowser<T>(
  scene: Scene,
  run: (page: Page) => Promise<T>,
  of: "news" | "shop" = "news",
): Promise<T> {
  const { hostname } = of === "news" ? NEWS : SHOP;
  const { chromium } = await loadDriver();
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
    timeout: BROWSER_MS,
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(BROWSER_MS);
    await page.goto(`http://127.0.0.1:${scene.stage.ports.control}/`);
    await page.getByLabel("E-mail").fill(ACCOUNTS[of].email);
    await page.getByLabel("Password", { exact: true }).fill(ACCOUNTS[of].password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("link", { name: hostname }).first().waitFor();
    return await run(page);
  } finally {
    await browser.close();
  }
}
