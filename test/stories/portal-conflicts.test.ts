import { expect } from "bun:test";
import type { Site } from "../../src/model/site.ts";
import { overflowOf, seriousFindings, stageOfStories, story, visit } from "../portal/stage.ts";
import { publish } from "../portal/world.ts";

const stage = stageOfStories();

const SITE = "/customers/acme/sites/www.shop.example";
const A = { name: "a", match: { path: ["/a/*"] }, https: true };
const B = { name: "b", match: {}, compress: true };

function site(): Site {
  const found = stage.world.sites.get("acme")?.[0];
  if (found === undefined) throw new Error("The world has no site");
  return found;
}

/** What somebody else changes while a form is open. */
function meanwhile(change: object): void {
  Object.assign(site(), structuredClone(change));
}

const CHANGED = "Others changed this while you had it open: nothing is saved yet";

story("of settings that two people change, both are shown, and nothing typed is lost", async () => {
  const page = await stage.page("owner", { width: 390, scheme: "dark" });
  await visit(page, `${SITE}/set-up`);
  await page.getByRole("button", { name: "Change settings" }).click();
  const ttl = page.getByLabel("Answers live for, s");
  await ttl.fill("45");
  await page.getByLabel("Margin").fill("0.2");
  meanwhile({ ttlSec: 60, youngTtlSec: 9 });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText(CHANGED).waitFor();
  await page.getByText("Answers live for, s: it was 20, and is 60 by now; you typed 45").waitFor();
  await page.getByText("And while health changes, s: it was 5, and is 9 by now").waitFor();
  expect([await ttl.inputValue(), site().ttlSec]).toEqual(["45", 60]);
  expect(await page.getByLabel("And while health changes, s").inputValue()).toBe("9");
  expect([await overflowOf(page), await seriousFindings(page)]).toEqual([0, []]);
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Changed, in snapshot 42").waitFor();
  const { ttlSec, youngTtlSec, steering } = site();
  expect([ttlSec, youngTtlSec, steering.margin]).toEqual([45, 9, 0.2]);
});

story("what others change beside what a form says stays, and takes no second look", async () => {
  const page = await stage.page("owner");
  await visit(page, `${SITE}/set-up`);
  await page.getByRole("button", { name: "Change settings" }).click();
  await page.getByLabel("Margin").fill("0.2");
  meanwhile({ rules: [A, B], fetch: { moveOn: [404], attempts: 2 } });
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("Changed, in snapshot 42").waitFor();
  const { rules = [], steering } = site();
  expect([rules.length, steering.margin, site().fetch?.attempts]).toEqual([2, 0.2, 2]);
});

story(
  "a rule that two people change is shown as the other left it; other rules stay theirs",
  async () => {
    meanwhile({ rules: [A, B] });
    const page = await stage.page("owner");
    await visit(page, `${SITE}/rules`);
    await page.getByRole("button", { name: "Actions for b" }).click();
    await page.getByRole("menuitem", { name: "Change…" }).click();
    await page.getByRole("checkbox", { name: "Lifetimes" }).check();
    await page.getByLabel("In caches, s").fill("60");
    // Beside it: before the one that is being changed.
    meanwhile({ rules: [{ ...A, name: "new" }, A, B] });
    await page.getByRole("button", { name: "Save rule" }).click();
    await page.getByText("Published as snapshot 42").waitFor();
    expect(site().rules?.map(({ name }) => name)).toEqual(["new", "a", "b"]);
    expect(site().rules?.[2]).toMatchObject({ compress: true, ttl: [{ edgeSec: 60 }] });
    await page.getByRole("button", { name: "Actions for a" }).click();
    await page.getByRole("menuitem", { name: "Change…" }).click();
    await page.getByLabel("Paths", { exact: true }).fill("/mine/*");
    meanwhile({ rules: [{ ...A, match: { path: ["/theirs/*"] } }] });
    await page.getByRole("button", { name: "Save rule" }).click();
    await page.getByText(CHANGED).waitFor();
    await page.getByText(/By now a sends plain HTTP to HTTPS.*\/theirs\/\*/).waitFor();
    expect(await page.getByLabel("Paths", { exact: true }).inputValue()).toBe("/mine/*");
    expect(site().rules?.[0]?.match.path).toEqual(["/theirs/*"]);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Save rule" }).click();
    await page.getByText("Published as snapshot 43").waitFor();
    expect(site().rules?.map(({ match }) => match.path)).toEqual([["/mine/*"]]);
  },
);

story("all rules as JSON: what others made of them stands beside what was typed", async () => {
  meanwhile({ rules: [A] });
  const page = await stage.page("owner", { width: 390, scheme: "light" });
  await visit(page, `${SITE}/rules`);
  await page.getByRole("button", { name: "All as JSON" }).click();
  const mine = page.getByLabel("Rules, in their order");
  const typed = JSON.stringify([{ ...A, name: "mine" }]);
  await mine.fill(typed);
  meanwhile({ rules: [A, B] });
  await page.getByRole("button", { name: "Save rules" }).click();
  await page.getByText("by ben@shop.example").waitFor();
  const theirs = page.getByLabel("Rules as others have left them");
  expect(JSON.parse(await theirs.inputValue())).toEqual([A, B]);
  expect(await mine.inputValue()).toBe(typed);
  expect([await overflowOf(page), await seriousFindings(page)]).toEqual([0, []]);
  await mine.fill(JSON.stringify([{ ...A, name: "mine" }, B]));
  await page.getByRole("button", { name: "Save rules" }).click();
  await page.getByRole("row", { name: /mine/ }).waitFor();
  expect(site().rules?.map(({ name }) => name)).toEqual(["mine", "b"]);
});

story("a rule that others changed is not removed before that was seen", async () => {
  meanwhile({ rules: [A, B] });
  const page = await stage.page("owner");
  await visit(page, `${SITE}/rules`);
  await page.getByRole("button", { name: "Actions for a" }).click();
  await page.getByRole("menuitem", { name: "Remove…" }).click();
  meanwhile({ rules: [{ ...A, https: false }, B] });
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Remove rule" }).click();
  await dialog.getByText("Others changed it: it is not removed yet").waitFor();
  expect(site().rules).toHaveLength(2);
  await dialog.getByRole("button", { name: "Remove rule" }).click();
  await page.getByText("a is removed").waitFor();
  expect(site().rules?.map(({ name }) => name)).toEqual(["b"]);
});

story(
  "a network file that began with what was in force undoes nothing of others unseen",
  async () => {
    const page = await stage.page("operator");
    await visit(page, "/draft");
    await page.getByRole("button", { name: "Start from what is in force" }).click();
    const field = page.getByLabel("Network file");
    await field.fill("zone: cdn.example\n# mine");
    publish(stage.world, "put site new.shop.example");
    const apply = async () => {
      await page.getByRole("button", { name: "Apply…" }).click();
      await page.getByRole("button", { name: "Apply and publish" }).click();
    };
    await apply();
    await page.getByText("Others changed the network since you began").waitFor();
    await page.getByText("(customers.acme.sites.new.shop.example)").waitFor();
    expect(await field.inputValue()).toBe("zone: cdn.example\n# mine");
    expect(await seriousFindings(page)).toEqual([]);
    await apply();
    await page.getByText("1 change published as snapshot 43").waitFor();
  },
);
