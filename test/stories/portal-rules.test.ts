import { expect } from "bun:test";
import type { Page } from "playwright-core";
import { overflowOf, seriousFindings, stageOfStories, story, visit } from "../portal/stage.ts";

const stage = stageOfStories();

const SITE = "/customers/acme/sites/www.shop.example";
const rules = () => stage.world.sites.get("acme")?.[0]?.rules ?? [];
const part = (page: Page, name: string) => page.getByRole("group", { name, exact: true });

story("a rule is made by its fields, each refused at its own, and published", async () => {
  const page = await stage.page("owner");
  await visit(page, `${SITE}/rules`);
  await page.getByText("No rules").waitFor();
  await page.getByRole("button", { name: "Add a rule" }).click();
  await page.getByRole("button", { name: "Save rule" }).click();
  await page.getByText("Give it a name, such as assets").waitFor();
  await page.getByText("Choose at least one thing to do").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("assets");
  await page.getByLabel("Paths", { exact: true }).fill("/img/*, img");
  await page.getByRole("checkbox", { name: "Lifetimes" }).check();
  await part(page, "Lifetimes").getByLabel("Statuses").fill("404 oops");
  await part(page, "Lifetimes").getByLabel("In caches, s").fill("ten");
  await page.getByRole("button", { name: "Save rule" }).click();
  await page.getByText("Expected a number").waitFor();
  await part(page, "Lifetimes").getByLabel("In caches, s").fill("10");
  await page.getByRole("button", { name: "Add a row" }).click();
  await page.getByRole("checkbox", { name: "CORS" }).check();
  await part(page, "CORS").getByLabel("Sites").fill("https://a.example");
  await page.getByRole("checkbox", { name: "What keeps objects apart" }).check();
  await page.getByLabel("Query", { exact: true }).selectOption("Only these parameters");
  await page.getByLabel("Parameters", { exact: true }).fill("page, size");
  await page.getByRole("button", { name: "Save rule" }).click();
  await page.getByText("Number 2: expected a path such as /img/*").waitFor();
  await page.getByText("Number 2: expected a status from 200 to 599").waitFor();
  await page.getByText("Expected at least one of edgeSec").waitFor();
  await page.locator(":focus[aria-invalid=true][placeholder='/img/*, *.css']").waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByLabel("Paths", { exact: true }).fill("/img/*");
  await part(page, "Lifetimes").getByLabel("Statuses").first().fill("404");
  await part(page, "Lifetimes").getByLabel("In caches, s").nth(1).fill("86400");
  await page.getByRole("button", { name: "Save rule" }).click();
  const says = /assets \/img\/\* .*keeps 404 for 10 s in caches; keeps answers for 1 d in caches/;
  await page.getByRole("row", { name: says }).waitFor();
  expect(rules()).toMatchObject([
    {
      name: "assets",
      match: { path: ["/img/*"] },
      key: { query: { only: ["page", "size"] } },
      ttl: [{ status: [404], edgeSec: 10 }, { edgeSec: 86_400 }],
      cors: { origins: ["https://a.example"], methods: ["GET", "HEAD"], maxAgeSec: 600 },
    },
  ]);
});

story(
  "rules begin with examples, are moved, changed and removed, on a phone by keyboard",
  async () => {
    const page = await stage.page("owner", { width: 390, scheme: "dark" });
    await visit(page, `${SITE}/rules`);
    for (const example of ["Compress text", "At most 20 requests a second"]) {
      await page.getByLabel("Or begin with an example").selectOption(example);
      await page.getByRole("button", { name: "Save rule" }).click();
      await page.getByRole("button", { name: "Add a rule" }).waitFor();
    }
    expect(rules().map(({ name }) => name)).toEqual(["text", "limit"]);
    await page.getByRole("button", { name: "Actions for limit" }).press("Enter");
    await page.getByRole("menuitem", { name: "Before the one above" }).press("Enter");
    await page.getByText("Published as snapshot 44").waitFor();
    expect(rules().map(({ name }) => name)).toEqual(["limit", "text"]);
    await page.getByRole("button", { name: "Actions for limit" }).press("Enter");
    await page.getByRole("menuitem", { name: "Change…" }).press("Enter");
    await page.getByRole("heading", { name: "Change limit" }).waitFor();
    expect(await page.getByLabel("Requests a second").inputValue()).toBe("20");
    await page.getByLabel("Requests a second").fill("5,5");
    expect(await overflowOf(page)).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Save rule" }).click();
    await page.getByText("Published as snapshot 45").waitFor();
    expect(rules()[0]).toMatchObject({ rate: { perSec: 5.5, burst: 40 } });
    await page.getByRole("button", { name: "Actions for text" }).press("Enter");
    await page.getByRole("menuitem", { name: "Remove…" }).press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: "Remove rule" }).click();
    await page.getByText("text is removed").waitFor();
    expect(rules().map(({ name }) => name)).toEqual(["limit"]);
  },
);

story("all rules can be had as JSON, and what no field can say is changed there", async () => {
  const page = await stage.page("owner");
  await visit(page, `${SITE}/rules`);
  await page.getByRole("button", { name: "All as JSON" }).click();
  const field = page.getByLabel("Rules, in their order");
  await field.fill("[{}],");
  await page.getByRole("button", { name: "Save rules" }).click();
  await page.getByText("This is no JSON").waitFor();
  await field.fill('[{ "name": "a", "https": true, "key": { "query": "some" } }]');
  await page.getByRole("button", { name: "Save rules" }).click();
  await page.getByText(/rules\.0\.key\.query/).waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await field.fill('[{ "name": "nobody", "access": { "allow": [] } }]');
  await page.getByRole("button", { name: "Save rules" }).click();
  await page.getByRole("row", { name: /nobody .*lets nobody in/ }).waitFor();
  await page.getByRole("button", { name: "Actions for nobody" }).click();
  await page.getByRole("menuitem", { name: "Change…" }).click();
  expect(await field.inputValue()).toContain('"allow": []');
});

story("who may only look sees rules and no way to change them", async () => {
  const page = await stage.page("viewer");
  const site = stage.world.sites.get("acme")?.[0];
  Object.assign(site ?? {}, {
    rules: [
      { name: "a", match: {}, https: true },
      { name: "b", match: { path: ["/open/*"] }, signed: false },
    ],
  });
  await visit(page, `${SITE}/rules`);
  await page.getByRole("row", { name: /a every request sends plain HTTP to HTTPS/ }).waitFor();
  await page.getByRole("row", { name: /b \/open\/\* needs no signature/ }).waitFor();
  expect(await page.getByRole("button", { name: /Add|JSON|Actions/ }).count()).toBe(0);
});
