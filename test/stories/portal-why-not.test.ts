// The owner of a site sees in the portal why requests were no hits, and what to do about it.
import { expect, setDefaultTimeout } from "bun:test";
import type { WhyNotReply } from "../../src/model/api/mod.ts";
import { site } from "../../src/model/site.ts";
import { seriousFindings, stageOfStories, story, visit } from "../portal/stage.ts";

setDefaultTimeout(30_000);

const stage = stageOfStories();

const TRAFFIC = "/customers/acme/sites/www.shop.example/traffic";

story("the traffic page names each reason, its share, its gain and its fix", async () => {
  const page = await stage.page("owner");
  await visit(page, TRAFFIC);
  const table = page.getByRole("table", { name: "Why requests were no hits" });
  const row = (reason: string) =>
    table.getByRole("row").filter({ has: page.getByRole("rowheader", { name: reason }) });
  await row("private").waitFor();
  const words = await row("private").innerText();
  for (const part of ["8,200", "8.2 %", "+7.5 %", "public, max-age=..."]) {
    expect(words).toContain(part);
  }
  expect(await row("rule").innerText()).toContain("Nothing");
});

story("a site without misses says so, and one without hits promises nothing", async () => {
  const page = await stage.page("owner");
  const row = { reason: "no-store", requests: 9, share: 1, gain: null } as const;
  const words = { means: "The web server says `no-store`", fix: "Say `max-age=...`." };
  const none: WhyNotReply = { sinceMs: 0, requests: 0, hitRatio: null, reasons: [] };
  let reply = none;
  await page.route("**/why-not", (route) => route.fulfill({ json: reply }));
  await visit(page, TRAFFIC);
  await page.getByText("No misses seen").waitFor();
  reply = { ...none, requests: 9, hitRatio: 0, reasons: [{ ...row, ...words }] };
  await page.reload();
  await page.getByRole("cell", { name: "Not known yet" }).waitFor();
  // Before anybody came at all, one address can be asked about.
  const live = "/api/v1/customers/acme/sites/www.shop.example/live";
  const json = { ...(await (await page.request.get(live)).json()), history: [] };
  await page.route("**/live", (route) => route.fulfill({ json }));
  await page.reload();
  await page.getByText("No traffic seen yet").waitFor();
  await page.getByRole("button", { name: "Ask every cache" }).waitFor();
});

story("a site without web servers has words where lines would be", async () => {
  stage.world.sites.set("acme", [site.parse({ hostname: "www.shop.example" })]);
  const page = await stage.page("owner");
  await visit(page, TRAFFIC);
  const chart = page.getByRole("region", { name: "Load of each web server" });
  await chart.getByText("Nothing to show yet").waitFor();
  await page.getByRole("region", { name: "Requests at caches" }).locator("canvas").waitFor();
  expect(await page.locator("canvas").count()).toBe(3);
});

story("of one address every cache says what it would do, and why it is no hit", async () => {
  const page = await stage.page("viewer");
  await visit(page, TRAFFIC);
  const ask = page.getByRole("button", { name: "Ask every cache" });
  await ask.click();
  await page.getByText("Give an address, or a path such as /logo.png").waitFor();
  await page.getByLabel("Address", { exact: true }).fill("https://www.elsewhere.example/");
  await page.getByLabel("Request fields").fill("no field");
  await ask.click();
  await page.getByText("Expected a name, a colon and a value in each line").waitFor();
  await page.getByLabel("Request fields").fill("Cookie: ab=1");
  await page.getByLabel("Client's IP address").fill("nobody");
  await ask.click();
  await page.getByText("Expected an IP address").waitFor();
  await page.getByLabel("Client's IP address").fill("198.51.100.7");
  await ask.click();
  await page.getByText("It leads to none of your sites").waitFor();
  await page.getByLabel("Address", { exact: true }).fill("/img/logo.png");
  await ask.click();
  const table = page.getByRole("table", { name: "What each cache would do" });
  const row = (name: RegExp) => table.getByRole("row", { name }).waitFor();
  await row(/fra-1 Answer: a hit fresh 5.1 kB with status 200, in memory 12 s old.* 48 s left/);
  await row(/lon-1 Ask first: stale .*over \/img\/logo.png cookie = ab=1 Rules: assets/);
  await row(/nyc-1 Did not answer/);
  await page.getByText("Of www.shop.example, named by the host form").waitFor();
  await page.getByText("stale: Held, but its lifetime was over").waitFor();
  expect(await seriousFindings(page)).toEqual([]);
});
