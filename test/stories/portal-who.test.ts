import { describe, expect } from "bun:test";
import { stageOfStories, story, visit } from "../portal/stage.ts";

const stage = stageOfStories();

const SITE = "/customers/acme/sites/www.shop.example";

describe("the portal in a browser", () => {
  story("shows what part each server gets, is meant to, and who gets it", async () => {
    const page = await stage.page("viewer");
    await visit(page, SITE);
    const row = page.getByRole("row", { name: /web-2/ });
    const text = await row.innerText();
    expect(text).toContain("66.7 % wanted");
    expect(text).toContain("weight × 1.08");
    expect(text).toContain("50 % of fetches");
    await page.getByRole("link", { name: "Who gets web-2" }).click();
    await page.getByRole("heading", { name: "Who gets web-2" }).waitFor();
    const oslo = page.getByRole("row", { name: /oslo/ });
    await oslo.waitFor();
    expect(await oslo.innerText()).toContain("within margin");
    await page.getByText("of www.shop.example, in the minutes before").waitFor();
    await page.getByLabel("At (your time)").fill("2026-11-22T10:00:00");
    await page.getByText("of www.shop.example, each client group alike").waitFor();
    await visit(page, `${SITE}/web-servers/web-3/who`);
    await page.getByText("Nobody gets it").waitFor();
  });

  story("an operator drains a cache for a while, and ends that", async () => {
    const page = await stage.page("operator");
    await visit(page, "/nodes");
    await page.getByRole("button", { name: "Actions for nyc-1" }).click();
    await page.getByRole("menuitem", { name: "For a while…" }).click();
    await page.getByLabel("It ends after").selectOption("15");
    await page.getByRole("button", { name: "Set" }).click();
    const row = page.getByRole("row", { name: /nyc-1/ });
    await row.getByText("(forced until").waitFor();
    expect(stage.world.forced.get("nyc-1")?.state).toBe("drain");
    await page.getByRole("button", { name: "Actions for nyc-1" }).click();
    await page.getByRole("menuitem", { name: "Back to what checks say" }).click();
    await row.getByText("(forced until").waitFor({ state: "detached" });
    expect(stage.world.forced.get("nyc-1")).toEqual({ state: "auto" });
  });
});
