import type { Page } from "playwright-core";
import type { Invoice } from "../../../model/api/mod.ts";
import { Api } from "../api.ts";
import { ACCOUNTS, NEWS, SHOP, SPARE } from "../layout.ts";
import { expectThat, until } from "../wait.ts";
import { hasBrowser, inBrowser } from "./browser.ts";
import {
  type Claim,
  candidateOf,
  loadOf,
  loadsOf,
  MOVE_MS,
  placed,
  type Scene,
  seconds,
} from "./claim.ts";

async function fillForm(page: Page): Promise<string> {
  await page.getByRole("link", { name: NEWS.hostname }).first().click();
  await page.getByRole("button", { name: "Add web server" }).click();
  await page.getByLabel("Name", { exact: true }).fill(SPARE.name);
  await page.getByLabel("IPv4 address").fill(SPARE.v4);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByText(SPARE.v4).waitFor();
  return "Chromium filled in the form";
}

/** The same request as the form sends, where there is no browser. */
async function addAsTheForm(scene: Scene): Promise<string> {
  const url = `http://127.0.0.1:${scene.stage.ports.control}`;
  const cookie = await new Api(url).cookieOf(ACCOUNTS.news);
  const form = new Api(url, { cookie, origin: url });
  const path = `/customers/${NEWS.customer}/sites/${NEWS.hostname}/origins/${SPARE.name}`;
  await form.call("PUT", path, { v4: SPARE.v4, weight: 1 });
  return `no browser or driver here: the form's own request with a member's session`;
}

/** Waits until every client network is answered with the new server, and measured it is up. */
async function answeredEverywhere(scene: Scene): Promise<{ tookMs: number; value: string }> {
  return until("the new server answered everywhere", MOVE_MS, async () => {
    const explained = await scene.explain(NEWS.hostname, "berlin");
    const { state } = candidateOf(explained, SPARE.name);
    for (const user of scene.stage.users.values()) {
      const address = await user.lookup(NEWS.hostname);
      expectThat(address === SPARE.v4, `${user.network.name} was answered ${address}`);
    }
    expectThat(state === "up", `it is ${state}`);
    return loadsOf(explained);
  });
}

async function added(scene: Scene, how: string): Promise<string> {
  const { operator, users } = scene.stage;
  const spare = scene.origin(`news/${SPARE.name}`);
  const { value: loads, tookMs } = await answeredEverywhere(scene);
  const path = scene.freshPath("added");
  await scene.visit(scene.user("berlin"), scene.cacheUrl(NEWS.hostname, path));
  const missAt = scene.askedFor(path).join();
  expectThat(missAt === spare.id, `the next miss went to ${missAt}`);
  const { value: share } = await until("its share on the site's page", MOVE_MS, async () => {
    await scene.user("berlin").lookup(NEWS.hostname);
    const live = await operator.api.live(NEWS.customer, NEWS.hostname);
    const row = live.origins.find((o) => o.name === SPARE.name);
    expectThat((row?.share ?? 0) > 0, `share ${row?.share}`);
    return row?.share ?? 0;
  });
  spare.web.delayMs = 450;
  const after = await until("the others again once it is slow", MOVE_MS, async () => {
    const address = await scene.user("berlin").lookup(NEWS.hostname);
    expectThat(address !== SPARE.v4, `${address} answered`);
    return loadsOf(await scene.explain(NEWS.hostname, "berlin"));
  });
  const percent = `${(share * 100).toFixed(0)} %`;
  return `${how}; ${SPARE.v4} answered in ${users.size} networks after ${seconds(tookMs)} (${loads}), next miss at ${missAt}, share ${percent}; slow, it is left after ${seconds(after.tookMs)} (${after.value})`;
}

const ADDED: Claim = {
  group: "portal",
  words: "a web server added through the portal's form gets its share",
  async run(scene) {
    for (const origin of NEWS.origins) scene.origin(`news/${origin.name}`).web.delayMs = 200;
    const how = await ((await hasBrowser()) ? inBrowser(scene, fillForm) : addAsTheForm(scene));
    try {
      return await added(scene, how);
    } finally {
      await scene.stage.operator.api.deleteOrigin(NEWS.customer, NEWS.hostname, SPARE.name);
    }
  },
};

/** In the table of a site's web servers: the weight of one, saved by Enter. */
async function typeWeight(page: Page, name: string, weight: number): Promise<void> {
  await page.getByRole("button", { name: `change the weight of ${name}` }).click();
  await page.getByLabel(`Weight of ${name}`).fill(String(weight));
  await page.keyboard.press("Enter");
  await page.getByText(`${name} has weight ${weight} now`).waitFor();
}

const FRA = `/customers/${SHOP.customer}/sites/${SHOP.hostname}/origins/fra`;

async function setWeight(scene: Scene, weight: number): Promise<string> {
  if (await hasBrowser()) {
    const type = async (page: Page) => {
      await page.getByRole("link", { name: SHOP.hostname }).first().click();
      await typeWeight(page, "fra", weight);
    };
    await inBrowser(scene, type, "shop");
    return `typed into the table in Chromium`;
  }
  await scene.stage.shop.api.call("PATCH", FRA, { weight });
  return "no browser or driver here: over the API";
}

const WEIGHT: Claim = {
  group: "portal",
  words: "a customer sets weights between servers: weight 0 takes one out of the answers",
  async run(scene) {
    const answered = (fra: boolean) =>
      until(fra ? "fra answered" : "fra left out", MOVE_MS, async () => {
        const address = await scene.user("berlin").lookup(SHOP.hostname);
        return expectThat((address === SHOP.origins[0]!.v4) === fra, `${placed(address)} answered`);
      });
    await answered(true);
    try {
      const how = await setWeight(scene, 0);
      const { tookMs } = await answered(false);
      const fra = candidateOf(await scene.explain(SHOP.hostname, "berlin"), "fra");
      const why = fra.verdicts.find((v) => !v.kept)?.reason;
      expectThat(why === "weight-zero", `explain says ${why}`);
      return `${how}; fra at load ${loadOf(fra)} is left out after ${seconds(tookMs)}, explain: ${why}`;
    } finally {
      await scene.stage.shop.api.call("PATCH", FRA, { weight: 1 });
    }
  },
};

/** After billing: the customer finds its invoice in the portal. */
const READS_INVOICE: Claim = {
  group: "portal",
  words: "a customer reads its invoices there",
  async run(scene) {
    const path = `/customers/${NEWS.customer}/invoices`;
    const [found] = await scene.stage.news.api.call<readonly Invoice[]>("GET", path);
    const period = new Date().toISOString().slice(0, 7);
    const latest = found ?? (await scene.stage.operator.api.issueInvoice(NEWS.customer, period));
    const words = `${latest.number}, ${latest.total} ${latest.currency}, ${latest.state}`;
    if (!(await hasBrowser())) return `no browser or driver here: over the API, ${words}`;
    const url = `http://127.0.0.1:${scene.stage.ports.control}${path}`;
    const shown = await inBrowser(scene, async (page) => {
      await page.goto(url);
      await page.getByText(latest.number).first().waitFor();
      return (await page.locator("main").innerText()).replace(/\s+/g, " ");
    });
    expectThat(
      shown.includes(latest.number) && shown.toLowerCase().includes(latest.state),
      shown.slice(0, 200),
    );
    return `Chromium shows ${words}`;
  },
};

export const PORTAL: readonly Claim[] = [ADDED, WEIGHT];
export const PORTAL_AFTER_BILLING: readonly Claim[] = [READS_INVOICE];
