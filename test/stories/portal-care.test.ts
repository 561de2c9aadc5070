// The portal takes care of whoever uses it: words that are true, a keyboard that is not lost.
import { expect, setDefaultTimeout } from "bun:test";
import type { Page } from "playwright-core";
import { site } from "../../src/model/site.ts";
import {
  cutTablesOf,
  follow,
  overflowOf,
  stageOfStories,
  story,
  turn,
  visit,
} from "../portal/stage.ts";

setDefaultTimeout(30_000);

const stage = stageOfStories();

/** Waits until the keyboard is at what that names. */
function focused(page: Page, selector: string, hasText = /.*/): Promise<void> {
  return page.locator(`${selector}:focus`, { hasText }).waitFor();
}

story("a token is shown with what it may: one that only purges is said to purge only", async () => {
  const page = await stage.page("owner");
  await visit(page, "/account");
  await page.getByRole("button", { name: "Make token" }).press("Enter");
  await page.getByText("Say what it is for").waitFor();
  await focused(page, "input[aria-invalid=true]");
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
  // It was pressed by the pointer: the keyboard is still at it.
  await focused(page, "button", /Make token/);
  expect(stage.world.tokens.map((token) => token.scope)).toEqual(["purge", "read"]);
});

const ZONE = "/customers/acme/zones/shop.example";
const SITE = "/customers/acme/sites/www.shop.example";

story("a form takes the keyboard as it opens, and gives it back as it closes", async () => {
  const page = await stage.page("owner");
  await visit(page, ZONE);
  const change = page.getByRole("button", { name: "Change MX of @" });
  await change.focus();
  await page.keyboard.press("Enter");
  await focused(page, "form :is(input, textarea)");
  await page.getByRole("button", { name: "Cancel" }).press("Enter");
  await focused(page, "button", /Change MX of @/);
  // The button that opened this one is not there while it is open.
  await page.getByRole("button", { name: "Add records" }).press("Enter");
  await focused(page, "form input");
  await page.getByRole("button", { name: "Cancel" }).press("Enter");
  await focused(page, "button", /Add records/);
});

story("a question gives the keyboard back; what was asked about may be gone by then", async () => {
  const page = await stage.page("owner");
  await visit(page, SITE);
  const ask = async () => {
    await page.getByRole("button", { name: "Actions for web-3" }).press("Enter");
    await page.getByRole("menuitem", { name: "Remove…" }).press("Enter");
    await focused(page, "[role=dialog] button", /Keep it/);
  };
  await ask();
  await page.keyboard.press("Enter");
  await focused(page, "[aria-label='Actions for web-3']");
  await ask();
  await page.getByRole("button", { name: "Remove web-3" }).press("Enter");
  await page.getByText("web-3 is removed").waitFor();
  await focused(page, "h1");
});

story(
  "a form that was refused leads to its first fault, and says in sight what fits no field",
  async () => {
    const page = await stage.page("owner", { width: 390, scheme: "light" });
    await visit(page, `${SITE}/set-up`);
    await page.getByRole("button", { name: "Change settings" }).click();
    await page.getByLabel("Fallback address").fill("nowhere");
    await page.getByRole("button", { name: "Save" }).click();
    await focused(page, "input[aria-invalid=true]");
    stage.world.failWith = 503;
    await page.getByRole("button", { name: "Save" }).click();
    const alert = page.getByRole("alert").filter({ hasText: "The database is busy" });
    await alert.waitFor();
    await page.waitForFunction(() => {
      const box = document.querySelector("form [role=alert]")?.getBoundingClientRect();
      const bar = document.querySelector("header")?.getBoundingClientRect().bottom ?? 0;
      return box !== undefined && box.top >= bar && box.bottom <= window.innerHeight;
    });
  },
);

story(
  "on a phone the tab that is open is in sight, and so is every other by scrolling",
  async () => {
    const page = await stage.page("owner", { width: 390, scheme: "light" });
    await visit(page, `${SITE}/set-up`);
    const inSight = (name: string) =>
      page.waitForFunction((label) => {
        const tab = [...document.querySelectorAll("[role=tab]")].find(
          (t) => t.textContent === label,
        );
        const box = tab?.getBoundingClientRect();
        return box !== undefined && box.left >= 0 && box.right <= window.innerWidth;
      }, name);
    await inSight("Set-up");
    await page.getByRole("tab", { name: "Web servers" }).click();
    await inSight("Web servers");
  },
);

story("a log that is followed is searched in what it shows, capitals or not", async () => {
  const page = await stage.page("owner");
  const line = (path: string) => ({ at: "2026-11-22T12:00:01Z", method: "GET", path, status: 200 });
  await visit(page, `${SITE}/logs`);
  await follow(page);
  for (const path of ["/img/Logo.png", "/other"]) {
    stage.world.logLines.push(JSON.stringify(line(path)));
  }
  const rows = page.getByRole("table", { name: "Requests as they happen" }).getByRole("row");
  await rows.filter({ hasText: "/img/Logo.png" }).waitFor();
  await page.getByLabel("Only lines with").fill("logo");
  await rows.filter({ hasText: "/other" }).waitFor({ state: "detached" });
  await rows.filter({ hasText: "/img/Logo.png" }).waitFor();
  // A word that only stands in how lines are kept.
  await page.getByLabel("Only lines with").fill("request");
  await page.getByText("None of the 2 lines here has “request”.").waitFor();
});

story(
  "a draft's figures go with its text, and nothing typed is lost without a question",
  async () => {
    const page = await stage.page("operator");
    await visit(page, "/draft");
    const field = page.getByLabel("Network file");
    await field.fill("zone: cdn.example");
    await page.getByRole("button", { name: "Show what it would do" }).click();
    await page.getByRole("heading", { name: "1 change" }).waitFor();
    await page.getByRole("button", { name: "Apply…" }).click();
    await page.getByRole("dialog").getByText("1 change.").waitFor();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
    await field.fill("zone: other.example");
    await page.getByRole("heading", { name: "1 change" }).waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Start from what is in force" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Keep it" }).click();
    expect(await field.inputValue()).toBe("zone: other.example");
  },
);

story("older entries of the audit log that do not come are said not to come", async () => {
  const page = await stage.page("operator");
  await visit(page, "/audit");
  stage.world.failWith = 503;
  await page.getByRole("button", { name: "Show older entries" }).click();
  await page.getByText("These figures are not fresh").waitFor();
  await page.getByRole("alert").filter({ hasText: "They do not come: The database is" }).waitFor();
  await page
    .getByRole("row", { name: /network\.apply/ })
    .first()
    .waitFor();
});

story("a line is copied, also where the browser gives pages no clipboard", async () => {
  const page = await stage.page("owner");
  await page.addInitScript(() => {
    Object.defineProperty(navigator, "clipboard", { value: undefined });
    document.addEventListener("copy", () => {
      document.title = `copied: ${getSelection()}`;
    });
  });
  await visit(page, `${SITE}/set-up`);
  await page.getByRole("button", { name: "Copy the path form" }).click();
  await page.getByRole("button", { name: "Copied the path form" }).waitFor();
  expect(await page.title()).toBe("copied: //c.cdn.example/www.shop.example/logo.png");
});

story("long names and addresses fit a phone and a desk, and cut off nothing", async () => {
  const page = await stage.page("owner");
  const hostname = "a-name-of-a-shop-with-very-many-words.and-another-label.customers.example";
  const origins = [
    { name: "web-with-a-rather-long-name-4-frankfurt", v4: "203.0.113.88" },
    {
      ...{ name: "six", v6: "2001:db8:1234:5678:9abc:def0:1234:5678" },
      ...{ state: "down", until: "2036-12-01T12:00:00Z" },
    },
  ];
  stage.world.sites.get("acme")?.push(site.parse({ hostname, origins }));
  const found: string[] = [];
  for (const path of [`sites/${hostname}`, "usage"]) {
    await visit(page, `/customers/acme/${path}`);
    await page.getByRole("table").waitFor();
    for (const width of [390, 1280]) {
      await turn(page, { width, scheme: "light" });
      const at = `${path} at ${width} px`;
      if ((await overflowOf(page)) > 0) found.push(`${at} is too wide`);
      found.push(...(await cutTablesOf(page)).map((table) => `${at} cuts ${table}`));
    }
  }
  expect(found).toEqual([]);
});

story("an invoice is printed dark on white, whatever the colours on the screen", async () => {
  const page = await stage.page("operator", { width: 1280, scheme: "dark" });
  await visit(page, "/customers/acme/invoices/inv-2026-11");
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  await page.waitForFunction(() => {
    const { color, backgroundColor } = getComputedStyle(document.body);
    return color === "rgb(0, 0, 0)" && backgroundColor === "rgb(255, 255, 255)";
  });
});

story(
  "the oldest month that is due is billed first, and what else would be lost is said",
  async () => {
    const page = await stage.page("operator");
    stage.world.invoices.length = 0;
    await visit(page, "/customers/acme/invoices");
    const month = page.getByLabel("Month (UTC)");
    await month.waitFor();
    expect(await month.inputValue()).toBe("2026-09");
    await month.selectOption("November 2026, not over yet");
    await page.getByText("Not billed before it: September 2026, October 2026.").waitFor();
    await month.selectOption("September 2026");
    await page.getByText("Not billed before it").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Issue", exact: true }).press("Enter");
    await page.getByRole("heading", { name: "Invoice 2026-09-0002" }).waitFor();
    await visit(page, "/customers/globex/invoices");
    await page.getByText("Nothing was metered for this customer yet").waitFor();
  },
);

story("that control fails is said once, however much of the page is old by then", async () => {
  const page = await stage.page("owner");
  await visit(page, `${SITE}/traffic`);
  await page.getByRole("table", { name: "Why requests were no hits" }).waitFor();
  stage.world.failWith = 503;
  // Each question is asked three times before it has failed.
  const failed = ["/live", "/why-not", "/sites"].map((end) => {
    let times = 0;
    return page.waitForResponse((one) => {
      if (one.status() === 503 && new URL(one.url()).pathname.endsWith(end)) times++;
      return times === 3;
    });
  });
  await Promise.all(failed);
  const note = page.getByText("These figures are not fresh");
  await note.first().waitFor();
  expect(await note.count()).toBe(1);
});

story("an operator sees whose sites a page has, and goes back to all customers", async () => {
  const page = await stage.page("operator", { width: 390, scheme: "light" });
  await visit(page, "/customers/acme/sites");
  await page.getByRole("heading", { name: "Sites of acme" }).waitFor();
  await page.getByRole("main").getByRole("link", { name: "Customers" }).click();
  await page.getByRole("link", { name: "Acme Shops", exact: true }).waitFor();
});
