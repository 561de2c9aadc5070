import { describe, expect } from "bun:test";
import type { Page } from "playwright-core";
import { PASSWORD } from "../portal/handlers.ts";
import { seriousFindings, stageOfStories, story, visit } from "../portal/stage.ts";

const stage = stageOfStories();

const SITE = "/customers/acme/sites/www.shop.example";

async function signIn(page: Page, email: string, password: string): Promise<void> {
  await page.getByLabel("E-mail").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
}

describe("the portal in a browser", () => {
  story(`a wrong password is said at the form, and too many in a row are throttled`, async () => {
    const page = await stage.page(null);
    await visit(page, "/nodes");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("Enter your e-mail address").waitFor();
    await signIn(page, "owner@shop.example", "wrong");
    await page.getByText("do not belong together").waitFor();
    expect(await page.getByLabel("Password").inputValue()).toBe("");
    for (let i = 0; i < 3; i++) await signIn(page, "owner@shop.example", `wrong ${i}`);
    await page.getByText("Wait 30 seconds").waitFor();
    await signIn(page, "ops@cdn.example", PASSWORD);
    await page.getByRole("heading", { name: "Nodes" }).waitFor();
  });

  story("a member signs in and adds a web server through the form", async () => {
    const page = await stage.page(null);
    await visit(page, "/");
    await signIn(page, "owner@shop.example", PASSWORD);
    await page.getByRole("link", { name: "www.shop.example" }).click();
    await page.getByRole("tab", { name: "Web servers" }).click();
    await page.getByRole("button", { name: "Add web server" }).click();
    await page.getByLabel("Name", { exact: true }).fill("new-4");
    await page.getByLabel("IPv4 address").fill("203.0.113.77");
    await page.getByLabel("Weight").fill("3");
    await page.getByRole("button", { name: "Add" }).click();
    const row = page.getByRole("row", { name: /new-4/ });
    await row.waitFor();
    expect(await row.innerText()).toContain("203.0.113.77");
    await page.getByText("new-4 is added, in snapshot 42").waitFor();
    await page.locator("button:focus", { hasText: "Add web server" }).waitFor();
    expect(stage.world.sites.get("acme")?.[0]?.origins[3]).toMatchObject({
      name: "new-4",
      v4: "203.0.113.77",
      weight: 3,
    });
  });

  story("each problem that the API finds stands at its field", async () => {
    const page = await stage.page("owner");
    await visit(page, SITE);
    await page.getByRole("button", { name: "Add web server" }).click();
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByText("Give it a name, such as web-1").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("web-1");
    await page.getByLabel("IPv4 address").fill("10.0.0.1");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByText("There is a web server of this name already").waitFor();
    await page.getByLabel("Name", { exact: true }).fill("web-9");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByText("Expected a public address").waitFor();
    const field = page.getByLabel("IPv4 address");
    expect(await field.getAttribute("aria-invalid")).toBe("true");
    await field.fill("not an address");
    await page.getByLabel("Weight").fill("500");
    await page.getByLabel("Exporter URL").fill("ftp://x");
    await page.getByRole("button", { name: "Add" }).click();
    await page.getByText("Expected an IPv4 address").waitFor();
    await page.getByText("Expected a number from 0 to 100").waitFor();
    await page.getByText("Expected an http or https URL").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
  });

  story("weight, state and removal of a web server go by keyboard alone", async () => {
    const page = await stage.page("owner");
    await visit(page, SITE);
    await page.getByRole("button", { name: "change the weight of web-1" }).focus();
    await page.keyboard.press("Enter");
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("101");
    await page.keyboard.press("Enter");
    await page.getByText("Expected a number from 0 to 100").waitFor();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("2,5");
    await page.keyboard.press("Enter");
    await page.getByText("web-1 has weight 2.5 now").waitFor();
    await page.locator("button:focus", { hasText: "change the weight of web-1" }).waitFor();
    await page.getByRole("button", { name: "Actions for web-2" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("menuitem", { name: "Drain" }).press("Enter");
    await page.getByText("web-2 is being drained").waitFor();
    await page.getByRole("button", { name: "Actions for web-3" }).press("Enter");
    await page.getByRole("menuitem", { name: "Remove…" }).press("Enter");
    await page.getByRole("dialog", { name: "Remove web-3?" }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText("web-3 is removed").waitFor();
    const left = stage.world.sites.get("acme")?.[0]?.origins ?? [];
    expect(left.map((o) => [o.name, o.weight, o.state])).toEqual([
      ["web-1", 2.5, "auto"],
      ["web-2", 2, "drain"],
    ]);
  });

  story("a web server is drained for a while, and its state says until when", async () => {
    const page = await stage.page("owner");
    await visit(page, SITE);
    await page.getByRole("button", { name: "Actions for web-1" }).click();
    await page.getByRole("menuitem", { name: "For a while…" }).click();
    await page.getByLabel("It ends after").selectOption("1 hour");
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Set" }).click();
    await page.getByText("web-1 does not follow its checks").waitFor();
    await page.getByRole("row", { name: /web-1 .*Draining \(forced until/ }).waitFor();
    const { state, until = "" } = stage.world.sites.get("acme")?.[0]?.origins[0] ?? {};
    expect([state, Date.parse(until) > Date.now()]).toEqual(["drain", true]);
  });

  story("a change to a web server keeps what its form does not show", async () => {
    const origin = stage.world.sites.get("acme")?.[0]?.origins[0];
    if (origin !== undefined) Object.assign(origin, { capacity: 77, ftpPort: 2121 });
    const page = await stage.page("owner");
    await visit(page, SITE);
    await page.getByRole("button", { name: "Actions for web-1" }).click();
    await page.getByRole("menuitem", { name: "Change…" }).click();
    await page.getByLabel("IPv6 address").fill("");
    await page.getByLabel("IPv4 address").fill("203.0.113.11");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("web-1 is changed").waitFor();
    expect(stage.world.sites.get("acme")?.[0]?.origins[0]).toEqual({
      name: "web-1",
      v4: "203.0.113.11",
      weight: 1,
      capacity: 77,
      state: "auto",
      ftpPort: 2121,
    });
  });

  story("an empty account is led to a first site and to its DNS records", async () => {
    const page = await stage.page("empty");
    await visit(page, "/");
    await page.getByText("No site yet").waitFor();
    await page.getByRole("link", { name: "Add a site" }).click();
    await page.getByLabel("Host name").fill("WWW.Globex.Example.");
    await page.getByLabel("Address of the first web server").fill("2001:db8::5");
    await page.getByLabel("By NS delegation").check();
    await page.getByLabel("Path to check").fill("nonsense");
    await page.getByRole("button", { name: "Add site" }).click();
    await page.getByText("Expected a path such as /health").waitFor();
    await page.getByLabel("Path to check").fill("/health");
    await page.getByRole("button", { name: "Add site" }).click();
    await page.getByText("www.globex.example. 3600 IN NS ns-fra-1.cdn.example.").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("link", { name: "See its web servers" }).click();
    await page.getByText("2001:db8::5").waitFor();
    await page.goBack();
    await page.getByRole("heading", { name: "Add a site" }).waitFor();
  });
});

describe("the portal in a browser, settings", () => {
  story("settings change, web servers and what the form does not show stay", async () => {
    const before = structuredClone(stage.world.sites.get("acme")?.[0]);
    const page = await stage.page("owner");
    await visit(page, `${SITE}/set-up`);
    await page.getByRole("button", { name: "Change settings" }).click();
    await page.getByLabel("Margin").fill("2");
    await page.getByLabel("Answers live for, s").fill("");
    await page.getByLabel("Fallback address").fill("nowhere");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Expected an IPv4 address").waitFor();
    expect(await page.getByLabel("Margin").getAttribute("aria-invalid")).toBe("true");
    expect(await page.getByLabel("Answers live for, s").getAttribute("aria-invalid")).toBe("true");
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByLabel("Margin").fill("0");
    await page.getByLabel("Answers live for, s").fill("30");
    await page.getByLabel("Fallback address").fill("203.0.113.99");
    await page.getByLabel("Check FTP").selectOption("Yes");
    await page.getByLabel("Names of your own").fill("a.shop.example, b.shop.example");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Changed, in snapshot 42").waitFor();
    await page.getByText("lowest-load, margin 0").waitFor();
    expect(stage.world.sites.get("acme")?.[0]).toMatchObject({
      ...before,
      ttlSec: 30,
      steering: { preset: "lowest-load", margin: 0, allDown: "all", fallback: "203.0.113.99" },
      check: { ...before?.check, ftp: { user: "anonymous" } },
      cache: { ...before?.cache, aliases: ["a.shop.example", "b.shop.example"] },
    });
  });
});

describe("the portal in a browser, day by day", () => {
  story("figures change on the page without a reload", async () => {
    const page = await stage.page("owner");
    await visit(page, SITE);
    const origin = stage.world.sites.get("acme")?.[0]?.origins[0];
    if (origin !== undefined) Object.assign(origin, { state: "down" });
    await page.getByText("Down (forced)").waitFor({ timeout: 6000 });
    await page.getByText("1 of 3 up").waitFor();
  });

  story(`when control fails, what was seen stays, marked as old, until it is back`, async () => {
    const page = await stage.page("owner");
    await visit(page, SITE);
    stage.world.failWith = 503;
    await page.getByText("These figures are not fresh").first().waitFor({ timeout: 12_000 });
    await page.getByRole("row", { name: /web-1/ }).waitFor();
    stage.world.failWith = null;
    const note = page.getByText("These figures are not fresh").first();
    await note.waitFor({ state: "detached", timeout: 12_000 });
  });

  story(
    `a page that is opened while control fails says so under a heading, and comes once it is back`,
    async () => {
      const page = await stage.page("owner");
      stage.world.failWith = 503;
      await page.goto(SITE);
      const heading = page.getByRole("heading", {
        level: 1,
        name: "This cannot be shown just now",
      });
      await heading.waitFor({ timeout: 12_000 });
      stage.world.failWith = null;
      await page.getByRole("button", { name: "Try again" }).click();
      await page.getByRole("row", { name: /web-1/ }).waitFor();
    },
  );

  story(`a session that ends elsewhere leads to sign-in, and back to the same page`, async () => {
    const page = await stage.page("owner");
    await visit(page, `${SITE}/purge`);
    await page.context().clearCookies();
    await signIn(page, "owner@shop.example", PASSWORD);
    const path = page.getByLabel("Path", { exact: true });
    await path.fill("https://c.cdn.example/media.shop.example/logo.png");
    await page.getByRole("button", { name: "Purge" }).click();
    await page.getByText("This is no address of www.shop.example").waitFor();
    await path.fill("https://c.cdn.example/www.shop.example/logo.png?v=2");
    await page.getByRole("button", { name: "Purge" }).click();
    await page.getByText("Gone from all 3 caches").waitFor();
    expect(stage.world.purges[0]?.path).toBe("/logo.png?v=2");
    await path.fill("/images/*");
    await page.getByRole("button", { name: "Purge" }).press("Enter");
    await page.locator("input[aria-invalid=true]:focus").waitFor();
    await page.getByLabel("Everything below a path").check();
    await page.getByRole("button", { name: "Purge" }).click();
    await page.getByRole("rowheader", { name: "/images/*", exact: true }).waitFor();
    expect(stage.world.purges[1]).toMatchObject({ path: "/images/", scope: "prefix" });
    // One that somebody else asks for is seen here, too.
    const own = stage.world.purges[1]!;
    stage.world.purges.push({ ...own, number: 3, path: "news", scope: "tag", soft: true });
    await page.getByRole("row", { name: /^Tag news 3, soft .*Marked in all 3 caches/ }).waitFor();
  });

  story("a tag is purged softly, and a whole site only after a question", async () => {
    const page = await stage.page("owner");
    await visit(page, `${SITE}/purge`);
    await page.getByLabel("Everything with a tag").check();
    await page.getByLabel("Tag", { exact: true }).fill("product-17");
    await page.getByLabel("Keep it until your web servers are asked").check();
    await page.getByRole("button", { name: "Purge" }).click();
    await page.getByText("Marked in all 3 caches").waitFor();
    await page.getByLabel("The whole site").check();
    await page.getByLabel("Keep it until your web servers are asked").uncheck();
    await page.getByRole("button", { name: "Purge", exact: true }).click();
    await page.getByRole("button", { name: "Purge everything" }).click();
    await page.getByRole("rowheader", { name: "All of www.shop.example" }).waitFor();
    await page.getByText("fra-1: gone after 40 ms").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    expect(stage.world.purges.map(({ path, scope, soft }) => [path, scope, soft])).toEqual([
      ["product-17", "tag", true],
      ["/", "site", undefined],
    ]);
  });

  story("on a narrow screen the places to go to are behind one button", async () => {
    const page = await stage.page("owner", { width: 390, scheme: "dark" });
    await visit(page, SITE);
    await page.getByRole("button", { name: "Open the menu" }).press("Enter");
    await page.getByRole("link", { name: "Usage" }).click();
    await page.locator("h1:focus", { hasText: "Usage" }).waitFor();
    await page.getByRole("button", { name: "Open the menu" }).waitFor();
    await page.getByRole("link", { name: "Usage" }).waitFor({ state: "hidden" });
  });

  story("the colours chosen are there from the first paint of the next visit", async () => {
    const page = await stage.page("owner");
    await visit(page, SITE);
    await page.getByRole("button", { name: "Use dark colours" }).click();
    await page.route("**/assets/*.js", (route) => route.abort());
    await page.goto(SITE, { waitUntil: "domcontentloaded" });
    expect(await page.locator("html").getAttribute("data-mantine-color-scheme")).toBe("dark");
  });

  story("the sites of another customer are not found", async () => {
    const page = await stage.page("owner");
    await visit(page, "/customers/globex/sites");
    await page.getByText("There is nothing here").waitFor();
  });

  story("a viewer sees everything and is offered no change", async () => {
    const page = await stage.page("viewer");
    await visit(page, SITE);
    await page.getByRole("row", { name: /web-1/ }).waitFor();
    expect(await page.getByRole("button", { name: "Add web server" }).count()).toBe(0);
    expect(await page.getByRole("button", { name: /Actions for/ }).count()).toBe(0);
  });

  story("the operator tries a network file before it is applied", async () => {
    const page = await stage.page("operator");
    await visit(page, "/draft");
    await page.getByLabel("Network file").fill("pops: []");
    await page.getByRole("button", { name: "Show what it would do" }).click();
    await page.getByText("Expected a zone, such as cdn.example").waitFor();
    await page.getByLabel("Network file").fill("zone: cdn.example");
    await page.getByRole("button", { name: "Show what it would do" }).click();
    await page.getByText("change pops.nyc.lat 40.7 → 40.8").waitFor();
    await page.getByRole("row", { name: /www\.shop\.example .*31/ }).waitFor();
    await page.getByRole("row", { name: /acme 49\.00 EUR 61\.50 EUR/ }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    expect(stage.world.snapshot).toBe(41);
    await page.getByRole("button", { name: "Apply…" }).click();
    await page.getByRole("button", { name: "Apply and publish" }).click();
    await page.getByText("1 change published as snapshot 42").waitFor();
  });

  story("the operator rolls back, issues an invoice and marks it paid", async () => {
    const page = await stage.page("operator");
    await visit(page, "/snapshots");
    await page.getByText("20 snapshots shown").waitFor();
    const older = page.getByRole("button", { name: "Show older snapshots" });
    await older.press("Enter");
    await page.getByText("40 snapshots shown").waitFor();
    await page.locator("button:focus", { hasText: "Show older snapshots" }).waitFor();
    await older.press("Enter");
    const end = "41 snapshots shown: no older one is kept";
    await page.locator("main p:focus", { hasText: end }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    // What the eldest were made from is there no more.
    await page.getByRole("row", { name: /^3 .*No longer kept/ }).waitFor();
    expect(await page.getByRole("button", { name: /Roll back to snapshot/ }).count()).toBe(37);
    await page.getByRole("button", { name: "Roll back to snapshot 9" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
    await page.getByText("What snapshot 9 held is published as 42").waitFor();
    await page.getByRole("link", { name: "Customers" }).click();
    await page.getByRole("link", { name: "Invoices of Acme Shops" }).click();
    const month = page.getByLabel("Month (UTC)");
    await month.waitFor();
    expect(await month.locator("option").allTextContents()).toEqual([
      "November 2026, not over yet",
      "October 2026: billed",
      "September 2026: billed with a later one",
    ]);
    expect(await month.locator("option:not(:disabled)").count()).toBe(1);
    await page.getByText("It is billed up to now").waitFor();
    await page.getByRole("button", { name: "Issue up to now" }).click();
    await page.getByRole("heading", { name: "Invoice 2026-11-0002" }).waitFor();
    await page.getByRole("button", { name: "Compute it again" }).click();
    await page.getByText("The same again").waitFor();
    await page.getByRole("button", { name: "Mark as paid" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Mark as paid" }).click();
    await page.getByText("is paid").waitFor();
  });
});
