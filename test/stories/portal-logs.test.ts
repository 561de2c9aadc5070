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

story("where the log is sent is said by a form of its own, refused at its fields", async () => {
  const before = structuredClone(stage.world.sites.get("acme")?.[0]);
  stage.world.signingKeys.push("autumn");
  const page = await stage.page("owner", { width: 390, scheme: "light" });
  await visit(page, `${SITE}/logs`);
  await page.getByText("Sent to https://logs.shop.example/before: JSON lines, every").waitFor();
  await page.getByRole("button", { name: "Change where it is sent" }).press("Enter");
  await page.locator("input:focus").waitFor();
  await page.getByLabel("Key that signs batches").selectOption("autumn");
  await page.getByLabel("Send it to").fill("ftp://logs.shop.example");
  await page.getByLabel("One request of").fill("0");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Expected an address such as https://logs.shop.example/in").waitFor();
  expect(await page.getByLabel("One request of").getAttribute("aria-invalid")).toBe("true");
  expect(await overflowOf(page)).toBe(0);
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByLabel("Send it to").fill("https://s3.shop.example/logs");
  await page.getByLabel("Form of its lines").selectOption("Combined, as Apache writes it");
  await page.getByLabel("Access key of the bucket").selectOption("bucket");
  await page.getByLabel("One request of").fill("10");
  await page.getByLabel("A batch after, s").fill("60");
  await page.getByRole("button", { name: "Save" }).click();
  const words = "a bucket, by the key bucket: Combined, as Apache writes it, one request of 10";
  await page.getByText(words).waitFor();
  await page.locator("button:focus", { hasText: "Change where it is sent" }).waitFor();
  const s3 = { key: "bucket", region: "us-east-1" };
  expect(stage.world.sites.get("acme")?.[0]).toEqual({
    ...before!,
    logs: { to: "https://s3.shop.example/logs", format: "combined", each: 10, everySec: 60, s3 },
  });
  await page.getByRole("button", { name: "Change where it is sent" }).click();
  await page.getByLabel("Send it to").fill("");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Its log is sent nowhere").waitFor();
  expect(stage.world.sites.get("acme")?.[0]?.logs).toBeUndefined();
});

story(
  "where the log is sent is said with with how that goes, also to who may only look",
  async () => {
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
  },
);
