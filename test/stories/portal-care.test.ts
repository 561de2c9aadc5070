// The portal takes care of whoever uses it: words that are true, a keyboard that is not lost.
import { expect, setDefaultTimeout } from "bun:test";
import { stageOfStories, story, visit } from "../portal/stage.ts";

setDefaultTimeout(30_000);

const stage = stageOfStories();

story("a token is shown with what it may: one that only purges is said to purge only", async () => {
  const page = await stage.page("owner");
  await visit(page, "/account");
  for (const [name, may] of [
    ["deploys", "Purge only"],
    ["graphs", "Read"],
  ] as const) {
    await page.getByLabel("What it is for").fill(name);
    await page.getByLabel("It may").selectOption(may);
    await page.getByRole("button", { name: "Make token" }).click();
    const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name }) });
    await row.getByRole("cell", { name: may, exact: true }).waitFor();
  }
  expect(stage.world.tokens.map((token) => token.scope)).toEqual(["purge", "read"]);
});
