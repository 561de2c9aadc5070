import { existsSync } from "node:fs";
import { Api } from "../api.ts";
import { ACCOUNTS, SHOP, SPARE } from "../layout.ts";
import { expectThat, until } from "../wait.ts";
import { type Claim, candidateOf, MOVE_MS, type Scene, seconds } from "./claim.ts";

const CHROMIUM = "/usr/bin/chromium";
const BROWSER_MS = 20_000;

/** Signs in and fills the form in a real browser. */
async function addInBrowser(scene: Scene, exporter: string): Promise<string> {
  const { chromium } = await import("playwright-core");
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
    timeout: BROWSER_MS,
  });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(BROWSER_MS);
    await page.goto(`http://127.0.0.1:${scene.stage.ports.control}/`);
    await page.getByLabel("E-mail").fill(ACCOUNTS.shop.email);
    await page.getByLabel("Password", { exact: true }).fill(ACCOUNTS.shop.password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("link", { name: SHOP.hostname }).first().click();
    await page.getByRole("button", { name: "Add web server" }).click();
    await page.getByLabel("Name", { exact: true }).fill(SPARE.name);
    await page.getByLabel("IPv4 address").fill(SPARE.v4);
    await page.getByLabel("Exporter URL").fill(exporter);
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText(SPARE.v4).waitFor();
    return "Chromium filled in the form";
  } finally {
    await browser.close();
  }
}

/** The same request as the form sends, where there is no browser. */
async function addAsTheForm(scene: Scene, exporter: string): Promise<string> {
  const url = `http://127.0.0.1:${scene.stage.ports.control}`;
  const cookie = await new Api(url).cookieOf(ACCOUNTS.shop);
  const form = new Api(url, { cookie, origin: url });
  const path = `/customers/${SHOP.customer}/sites/${SHOP.hostname}/origins/${SPARE.name}`;
  await form.call("PUT", path, { v4: SPARE.v4, weight: 1, exporter });
  return `no browser at ${CHROMIUM}: the form's own request with a member's session`;
}

const ADDED: Claim = {
  group: "portal",
  words: "a web server added through the portal's form gets its share",
  async run(scene) {
    const { ports, operator, users } = scene.stage;
    const spare = scene.origin(`shop/${SPARE.name}`);
    spare.reporter?.machine.set({ cpu: 0.02 });
    const exporter = `http://${SPARE.v4}:${ports.exporter}/metrics`;
    const add = existsSync(CHROMIUM) ? addInBrowser : addAsTheForm;
    const how = await add(scene, exporter);
    try {
      const { tookMs } = await until("the new server answered everywhere", MOVE_MS, async () => {
        for (const user of users.values()) {
          const address = await user.lookup(SHOP.hostname);
          expectThat(address === SPARE.v4, `${user.network.name} was answered ${address}`);
        }
        return true;
      });
      const path = scene.freshPath("added");
      await scene.visit(scene.user("berlin"), scene.cacheUrl(SHOP.hostname, path));
      const missAt = scene.askedFor(path).join();
      expectThat(missAt === spare.id, `the next miss went to ${missAt}`);
      const { value: share } = await until("its share on the site's page", MOVE_MS, async () => {
        await scene.user("berlin").lookup(SHOP.hostname);
        const live = await operator.api.live(SHOP.customer, SHOP.hostname);
        const row = live.origins.find((o) => o.name === SPARE.name);
        expectThat((row?.share ?? 0) > 0, `share ${row?.share}`);
        return row?.share ?? 0;
      });
      spare.reporter?.machine.set({ cpu: 0.9 });
      await until("the others again once it is loaded", MOVE_MS, async () => {
        const address = await scene.user("berlin").lookup(SHOP.hostname);
        return expectThat(address !== SPARE.v4, `${address} answered`);
      });
      const load = candidateOf(await scene.explain(SHOP.hostname, "berlin"), SPARE.name).load;
      return `${how}; ${SPARE.v4} answered in ${users.size} networks after ${seconds(tookMs)}, next miss at ${missAt}, share ${(share * 100).toFixed(0)} % while lowest, none at load ${load.toFixed(2)}`;
    } finally {
      await operator.api.deleteOrigin(SHOP.customer, SHOP.hostname, SPARE.name);
    }
  },
};

export const PORTAL: readonly Claim[] = [ADDED];
