// The owner of a site sees in the portal why requests were no hits, and what to do about it.
import { expect, setDefaultTimeout } from "bun:test";
import type { WhyNotReply } from "../../src/model/api/mod.ts";
import { stageOfStories, story, visit } from "../portal/stage.ts";

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
});
