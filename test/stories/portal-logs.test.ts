import { expect } from "bun:test";
import {
  follow,
  overflowOf,
  seriousFindings,
  stageOfStories,
  story,
  visit,
} from "../portal/stage.ts";

const stage = stageOfStories();

const SITE = "/customers/acme/sites/www.shop.example";

function told(path: string, more: object = {}): void {
  const line = {
    ...{ at: "2026-11-23T12:00:05.123Z", client: "203.0.113.7", method: "GET", path, status: 200 },
    ...{ bytes: 5120, cacheStatus: "fra-1; hit; ttl=40", agent: "<b>curl</b>" },
  };
  stage.world.logLines.push(JSON.stringify({ ...line, ...more }));
}

story("a site's requests are followed as they happen, and stay when that is stopped", async () => {
  const page = await stage.page("owner", { width: 390, scheme: "dark" });
  Reflect.deleteProperty(stage.world.sites.get("acme")?.[0] ?? {}, "logs");
  told("/before");
  await visit(page, `${SITE}/logs`);
  await page.getByText("Its log is sent nowhere").waitFor();
  await follow(page);
  told("/logo.png");
  await page.getByRole("row", { name: /12:00:05 .*\/logo\.png .*200 .*hit; ttl=40/ }).waitFor();
  told("/<script>", { status: 404, cacheStatus: "fra-1; fwd=uri-miss", bytes: null });
  await page.getByRole("row", { name: /GET \/<script> .*404 .*fwd=uri-miss/ }).waitFor();
  expect(await page.getByText("/before").count()).toBe(0);
  stage.world.failWith = 503;
  await page.getByText("Trying again").first().waitFor();
  stage.world.failWith = null;
  told(`/${"long".repeat(100)}`);
  await page.getByRole("row", { name: /longlong/ }).waitFor();
  expect(await overflowOf(page)).toBe(0);
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByLabel("Only lines with").fill("logo");
  await page.getByRole("row", { name: /longlong/ }).waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Stop" }).click();
  await page.getByText("Stopped.").waitFor();
  await page.getByRole("row", { name: /logo\.png/ }).waitFor();
});

story("where the log is sent is said with how that goes, also to who may only look", async () => {
  const site = stage.world.sites.get("acme")?.[0];
  const s3 = { key: "logs", region: "eu-central-1" };
  const logs = { to: "https://s3.example/logs", format: "json", each: 1, everySec: 10, s3 };
  Object.assign(site ?? {}, { logs });
  const page = await stage.page("viewer");
  await visit(page, `${SITE}/logs`);
  await page.getByText("Sent to https://s3.example/logs, a bucket, by the key logs").waitFor();
  await page.getByRole("row", { name: /nyc-1 88,204 120 .*answered 503/ }).waitFor();
  expect(await page.getByRole("button", { name: "Follow" }).count()).toBe(0);
  expect(await seriousFindings(page)).toEqual([]);
});
