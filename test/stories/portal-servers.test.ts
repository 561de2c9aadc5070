import { expect } from "bun:test";
import { overflowOf, seriousFindings, stageOfStories, story, visit } from "../portal/stage.ts";

const stage = stageOfStories();

const SITE = "/customers/acme/sites/www.shop.example";
const theSite = () => stage.world.sites.get("acme")?.[0];

story("a site is added with two mirrored servers, their port and who answers users", async () => {
  const page = await stage.page("empty");
  await visit(page, "/customers/globex/add-site");
  await page.getByLabel("Host name", { exact: true }).fill("www.globex.example");
  await page.getByLabel("Address of the first web server").fill("203.0.113.5");
  await page.getByLabel("Address of the second").fill("203.0.113.500");
  await page.getByLabel("They are asked by").selectOption("https");
  await page.getByLabel("Port").fill("84 43");
  await page.getByRole("button", { name: "Add site" }).click();
  await page.getByText("Expected a port from 1 to 65535").waitFor();
  await page.getByLabel("Port").fill("8443");
  await page.getByLabel("The network's caches").check();
  await page.getByRole("button", { name: "Add site" }).click();
  await page.getByText("Expected an IPv4 address").waitFor();
  const second = page.getByLabel("Address of the second");
  expect(await second.getAttribute("aria-invalid")).toBe("true");
  expect(await page.getByLabel("Address of the first web server").inputValue()).toBe("203.0.113.5");
  expect(await seriousFindings(page)).toEqual([]);
  await second.fill("mirror.globex.example");
  await page.getByRole("button", { name: "Add site" }).click();
  await page.getByText("www.globex.example. 3600 IN CNAME").waitFor();
  expect(stage.world.sites.get("globex")?.[0]).toMatchObject({
    front: "caches",
    scheme: "https",
    port: 8443,
    origins: [
      { name: "web-1", v4: "203.0.113.5" },
      { name: "web-2", host: "mirror.globex.example" },
    ],
  });
});

story(
  "a web server has a port, limits and paths of its own, each refused at its field",
  async () => {
    const page = await stage.page("owner");
    await visit(page, SITE);
    await page.getByRole("button", { name: "Actions for web-2" }).click();
    await page.getByRole("menuitem", { name: "Change…" }).click();
    await page.getByLabel("Port", { exact: true }).fill("8081");
    await page.getByLabel("Paths it holds").fill("video/");
    await page.getByLabel("Requests open at once").fill("0");
    await page.getByLabel("Load URL").fill("nowhere");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Expected a path such as /video/").waitFor();
    await page.getByText("Expected a number from 1 to 10000").waitFor();
    await page.getByText("Expected an http or https URL").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByLabel("Paths it holds").fill("/video/, /img/");
    await page.getByLabel("Requests open at once").fill("64");
    await page.getByLabel("Load URL").fill("http://203.0.113.2/load.json");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("web-2 is changed").waitFor();
    await page.getByText("port 8081").waitFor();
    expect(theSite()?.origins[1]).toMatchObject({
      port: 8081,
      paths: ["/video/", "/img/"],
      connectionsMax: 64,
      loadUrl: "http://203.0.113.2/load.json",
    });
    await page.getByRole("button", { name: "Actions for web-2" }).click();
    await page.getByRole("menuitem", { name: "Change…" }).click();
    for (const label of ["Paths it holds", "Requests open at once", "Load URL"]) {
      await page.getByLabel(label).fill("");
    }
    await page.getByLabel("Port", { exact: true }).fill("");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("port 8081").waitFor({ state: "detached" });
    const keys = Object.keys(theSite()?.origins[1] ?? {});
    expect(keys.filter((key) => /port|paths|Max|Url/.test(key))).toEqual([]);
  },
);

story("caches show web servers credentials, by the names of those that are stored", async () => {
  const before = structuredClone(theSite());
  const page = await stage.page("owner", { width: 390, scheme: "light" });
  await visit(page, SITE);
  await page.getByText("nothing: anybody may ask them").waitFor();
  await page.getByRole("button", { name: "Change how they are asked" }).click();
  await page.getByLabel("They are asked by").selectOption("https");
  await page.getByRole("option", { name: "autumn" }).first().waitFor({ state: "attached" });
  await page.getByLabel("Secret value", { exact: true }).selectOption("autumn");
  await page.getByLabel("Field of the secret value").fill("host");
  await page.getByLabel("Client certificate").selectOption("edge");
  await page.getByText("Checks of health show none of these").waitFor();
  await page.getByLabel("Answers after which").fill("404, 4xx");
  await page.getByLabel("Ask a second one after").fill("P95");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Expected a field that caches may add").waitFor();
  await page.getByText("Expected statuses from 400 to 599, or 5xx").waitFor();
  expect(await overflowOf(page)).toBe(0);
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByLabel("Field of the secret value").fill("x-from-cache");
  await page.getByLabel("Answers after which").fill("404 5xx");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("autumn in the field x-from-cache and the client").waitFor();
  await page.getByText("12 in the last 5 minutes, 9 of them faster").waitFor();
  expect(theSite()).toEqual({
    ...before!,
    scheme: "https",
    fetch: {
      moveOn: [404, "5xx"],
      attempts: 3,
      hedge: "p95",
      secret: { field: "x-from-cache", keys: ["autumn"] },
      certificate: "edge",
    },
  });
});

story(
  "authorities of web servers are refused at their field, and shown with their ends",
  async () => {
    const pem = (text: string) =>
      `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
    const page = await stage.page("owner", { width: 390, scheme: "dark" });
    await visit(page, SITE);
    await page.getByRole("button", { name: "Change how they are asked" }).click();
    const field = page.getByLabel("Authorities of your web servers' certificates");
    await field.fill(pem("NONE"));
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Expected an X.509 certificate in PEM as number 1 of 1").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await field.fill(pem("AAAA") + pem("BBBB"));
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Their certificates are vouched for by").waitFor();
    await page
      .getByText(/Authority 1 \(until .*2047.*Authority 2 \(ended .*2022.*nothing\)/)
      .waitFor();
    expect(await overflowOf(page)).toBe(0);
  },
);

story("a private bucket stands for web servers, and nothing changed is nothing said", async () => {
  const page = await stage.page("owner");
  await visit(page, SITE);
  await page.getByRole("button", { name: "Change how they are asked" }).click();
  await page.getByRole("option", { name: "bucket" }).waitFor({ state: "attached" });
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Change how they are asked" }).click();
  expect(theSite()?.fetch).toBeUndefined();
  await page.getByLabel("Access key of the bucket").selectOption("bucket");
  await page.getByLabel("Host of the bucket").fill("media.s3.example");
  await page.getByLabel("Path of the bucket").fill("/../x");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Expected no . or .. in it").waitFor();
  await page.getByLabel("Path of the bucket").fill("/media");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("media.s3.example/media, by bucket").waitFor();
  expect(theSite()?.fetch?.s3).toEqual({
    ...{ key: "bucket", host: "media.s3.example", region: "us-east-1", prefix: "/media" },
  });
});

story("of several choices the one that is answered is marked, by the page's own link", async () => {
  const page = await stage.page("owner");
  await visit(page, SITE);
  await page.getByRole("link", { name: "Which one would a client get?" }).click();
  await page.getByLabel("Client's IP address").fill("198.51.100.7");
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByRole("row", { name: /^web-1 ?Chosen/ }).waitFor();
  await page.getByLabel("Client's IP address").fill("198.51.100.8");
  await page.getByRole("button", { name: "Explain" }).click();
  await page.getByRole("row", { name: /^web-2 ?Chosen/ }).waitFor();
  expect(await page.getByText("Chosen").count()).toBe(1);
});
