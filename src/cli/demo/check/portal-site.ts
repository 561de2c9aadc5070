import type { Page } from "playwright-core";
import type { Live, SiteView } from "../../../model/api/mod.ts";
import { Api } from "../api.ts";
import { ACCOUNTS, ADDED_HOSTNAME, NEWS, SHOP } from "../layout.ts";
import { Content } from "../origin/page.ts";
import { expectThat, until } from "../wait.ts";
import { hasBrowser, inBrowser } from "./browser.ts";
import { type Claim, MOVE_MS, placed, type Scene, sameBytes, seconds } from "./claim.ts";

const group = "portal";
const SITE_PATH = `/customers/${NEWS.customer}/sites/${ADDED_HOSTNAME}`;
const SERVER = NEWS.origins[0]!.v4;

async function fillSiteForm(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Add a site" }).click();
  await page.getByLabel("Host name").fill(ADDED_HOSTNAME);
  await page.getByLabel("Address of the first web server").fill(SERVER);
  await page.getByLabel("Path to check").fill("/health");
  await page.getByRole("button", { name: "Add site" }).click();
  await page.getByRole("heading", { name: `${ADDED_HOSTNAME} is published` }).waitFor();
}

async function addHostname(scene: Scene): Promise<string> {
  if (await hasBrowser()) {
    await inBrowser(scene, fillSiteForm);
    return "Chromium filled in the form";
  }
  const url = `http://127.0.0.1:${scene.stage.ports.control}`;
  const cookie = await new Api(url).cookieOf(ACCOUNTS.news);
  const form = new Api(url, { cookie, origin: url });
  const origins = [{ name: "web-1", v4: SERVER }];
  const check = { http: { path: "/health" } };
  await form.call("PUT", SITE_PATH, { onboarding: "cname", check, origins });
  return "no browser or driver here: the form's own request with a member's session";
}

async function addedSite(api: Api): Promise<SiteView> {
  const found = (await api.sites(NEWS.customer)).find((v) => v.site.hostname === ADDED_HOSTNAME);
  if (found === undefined) throw new Error(`no site ${ADDED_HOSTNAME}`);
  return found;
}

/** Its name by the CNAME target that the portal tells, and an object of it through a cache. */
async function serves(scene: Scene, target: string): Promise<string> {
  const berlin = scene.user("berlin");
  const { value: address, tookMs } = await until("the new name", MOVE_MS, async () => {
    const got = await berlin.lookup(target);
    expectThat(got === SERVER, `${target} is ${got}`);
    return got;
  });
  // Everything of the demo is at one port; the form takes a site to be at the standard one.
  const { news, ports } = scene.stage;
  const { site } = await addedSite(news.api);
  const { hostname: _, origins: __, ...rest } = site;
  await news.api.call("PUT", SITE_PATH, { ...rest, port: ports.http });
  const path = scene.freshPath("archive");
  const url = scene.cacheUrl(ADDED_HOSTNAME, path);
  const { value: at } = await until("an object of the new site", MOVE_MS, async () => {
    const got = await scene.visit(berlin, url);
    expectThat(got.status === 200, `status ${got.status}`);
    const own = new Content(ADDED_HOSTNAME).get(path)?.body ?? new Uint8Array();
    expectThat(sameBytes(got.body, own), "other bytes");
    return got.address;
  });
  return `${target} is ${address} after ${seconds(tookMs)}, and ${path} comes from ${placed(at)}`;
}

const HOSTNAME_ADDED: Claim = {
  group,
  words: "a customer adds a hostname through the portal's form, and it is answered and cached",
  async run(scene) {
    const { api } = scene.stage.news;
    const how = await addHostname(scene);
    try {
      const { names } = await addedSite(api);
      return `${how}; ${ADDED_HOSTNAME} by ${await serves(scene, names.cname.replace(/\.$/, ""))}`;
    } finally {
      await api.call("DELETE", SITE_PATH);
    }
  },
};

/** The cells of a web server's row, by the heads of their columns. */
async function rowOf(page: Page, server: string): Promise<ReadonlyMap<string, string>> {
  const table = page.getByRole("table", { name: "Web servers of this site" });
  const heads = await table.getByRole("columnheader").allInnerTexts();
  const row = table.getByRole("row").filter({ has: page.getByRole("rowheader", { name: server }) });
  const cells = await row.locator("th, td").allInnerTexts();
  return new Map(heads.map((head, i) => [head, (cells[i] ?? "").replace(/\s+/g, " ").trim()]));
}

async function readTraffic(page: Page, scene: Scene): Promise<string> {
  await page.getByRole("link", { name: SHOP.hostname }).first().click();
  const { value } = await until("lookups in fra's row", MOVE_MS, async () => {
    await scene.user("berlin").lookup(SHOP.hostname);
    const row = await rowOf(page, "fra");
    const seen = [...row].map(([head, cell]) => `${head} ${cell}`).join(", ");
    const lookups = Number.parseFloat(row.get("Lookups") ?? "");
    // The port stands behind the address.
    const [address] = (row.get("Address") ?? "").split(" ");
    expectThat(address === SHOP.origins[0]!.v4 && lookups > 0, `fra's row: ${seen}`);
    return `${address}: ${row.get("Lookups")}, share ${row.get("Share")}`;
  });
  return value;
}

/** What the row shows, where there is no browser to show it. */
async function askTraffic(scene: Scene): Promise<string> {
  const { value } = await until("lookups of fra", MOVE_MS, async () => {
    await scene.user("berlin").lookup(SHOP.hostname);
    const path = `/customers/${SHOP.customer}/sites/${SHOP.hostname}/live`;
    const live = await scene.stage.shop.api.call<Live>("GET", path);
    const fra = live.origins.find((o) => o.name === "fra");
    expectThat((fra?.lookupsPerSec ?? 0) > 0, `lookups ${fra?.lookupsPerSec}`);
    return `${fra?.v4}: ${fra?.lookupsPerSec.toFixed(1)}/s`;
  });
  return value;
}

const TRAFFIC: Claim = {
  group,
  words: "a customer sees the traffic of each address",
  async run(scene) {
    await until("fra answered", MOVE_MS, async () => {
      const address = await scene.user("berlin").lookup(SHOP.hostname);
      return expectThat(address === SHOP.origins[0]!.v4, `${placed(address)} answered`);
    });
    if (!(await hasBrowser()))
      return `no browser or driver here: over the API, ${await askTraffic(scene)}`;
    return `Chromium shows ${await inBrowser(scene, (page) => readTraffic(page, scene), "shop")}`;
  },
};

export const PORTAL_SITE: readonly Claim[] = [HOSTNAME_ADDED, TRAFFIC];
