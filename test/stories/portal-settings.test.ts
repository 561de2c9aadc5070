import { describe, expect } from "bun:test";
import { seriousFindings, stageOfStories, story, visit } from "../portal/stage.ts";

const stage = stageOfStories();

const SITE = "/customers/acme/sites/www.shop.example";

describe("zones in the portal", () => {
  story("records of a zone are added, changed and removed", async () => {
    const page = await stage.page("owner");
    await visit(page, "/customers/acme/zones");
    await page.getByRole("link", { name: "shop.example" }).click();
    await page.getByText("IN DS 4711").waitFor();
    await page.getByRole("button", { name: "Add records" }).click();
    await page.getByLabel("Name", { exact: true }).fill("www");
    await page.getByLabel("Values").fill("203.0.113.300");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText("Expected an IPv4 address").waitFor();
    await page.getByLabel("Values").fill("203.0.113.30\n203.0.113.31");
    await page.getByRole("button", { name: "Add", exact: true }).click();
    await page.getByText("A of www is in place").waitFor();
    await page.getByRole("button", { name: "Change MX of @" }).click();
    expect(await page.getByLabel("Values").inputValue()).toContain("20 mail2.shop.example");
    await page.getByLabel("Values").fill("5 mail.shop.example");
    await page.getByRole("button", { name: "Save", exact: true }).click();
    await page.getByText("MX of @ is in place").waitFor();
    await page.getByRole("button", { name: "Remove TXT of @" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await page.getByText("TXT of @ is removed").waitFor();
    const rows = stage.world.zones[0]?.records.map((r) => `${r.name} ${r.type} ${r.value}`);
    expect(rows?.sort()).toEqual([
      "@ MX 5 mail.shop.example",
      "mail A 203.0.113.25",
      "www A 203.0.113.30",
      "www A 203.0.113.31",
    ]);
  });

  story("a zone comes by a master file, looked at first, and goes again", async () => {
    const page = await stage.page("empty");
    await visit(page, "/customers/globex/zones");
    await page.getByText("No zone yet").waitFor();
    await page.getByRole("link", { name: "Add a zone" }).click();
    await page.getByLabel("Domain").fill("globex.example.");
    await page.getByLabel("Master file").fill("www 60 IN A 203.0.113.9\nno record");
    await page.getByRole("button", { name: "Only show what would change" }).click();
    await page.getByText("Expected a record (text:2:1)").waitFor();
    await page.getByLabel("Master file").fill("www 60 IN A 203.0.113.9");
    await page.getByRole("button", { name: "Only show what would change" }).click();
    await page.getByText("put zone globex.example: 1 records").waitFor();
    expect(stage.world.zones.length).toBe(1);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole("button", { name: "Add zone" }).click();
    await page.getByRole("row", { name: /203\.0\.113\.9/ }).waitFor();
    await page.getByRole("button", { name: "Remove zone…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove zone" }).click();
    await page.getByText("No zone yet").waitFor();
  });

  story(
    "a zone that overlaps another's waits for a proof, which is said and looked for",
    async () => {
      const page = await stage.page("empty");
      await visit(page, "/customers/globex/add-zone");
      await page.getByLabel("Domain").fill("dev.shop.example");
      await page.getByRole("button", { name: "Add zone" }).click();
      await page.getByText("dev.shop.example waits for a proof", { exact: true }).waitFor();
      await page.getByText("_turnpike-challenge.dev.shop.example. 3600 IN TXT").waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByRole("button", { name: "Look now" }).click();
      await page.getByText("Not yet: no TXT at").waitFor();
      await page.getByRole("button", { name: "Give it up…" }).click();
      expect(stage.world.claims).toHaveLength(1);
      await page.getByRole("dialog").getByRole("button", { name: "Give it up" }).click();
      await page.getByText("dev.shop.example is given up").waitFor();
      expect(stage.world.claims).toEqual([]);
    },
  );

  story("a site's page says whether its DNS leads here", async () => {
    const page = await stage.page("owner");
    await visit(page, `${SITE}/set-up`);
    await page.getByText("Your DNS does not lead here yet").waitFor();
    await page.getByRole("row", { name: /CNAME of www.shop.example Not there/ }).waitFor();
    await visit(page, "/customers/acme/zones/shop.example");
    await page.getByText("Your DNS leads here").waitFor();
    await page.getByRole("button", { name: "Look again" }).click();
  });
});

describe("keys in the portal", () => {
  story("a key's secret is shown once, and the key is removed after a question", async () => {
    const page = await stage.page("owner");
    await visit(page, `${SITE}/rules`);
    await page.getByLabel("Name of a new key").fill("autumn");
    await page.getByRole("button", { name: "Make key" }).click();
    await page.getByText("c2VjcmV0c2VjcmV0").waitFor();
    await page.getByRole("button", { name: "Remove autumn" }).click();
    await page.getByRole("button", { name: "Remove key" }).click();
    await page.getByText("autumn is removed").waitFor();
    expect(stage.world.signingKeys).toEqual([]);
  });
});

describe("certificates in the portal", () => {
  story(
    "names whose certificates come by themselves say where they stand, and are ordered again",
    async () => {
      const page = await stage.page("owner");
      await visit(page, "/customers/acme/certificates");
      await page.getByRole("row", { name: /www\.shop\.example\.cdn\.example Obtained/ }).waitFor();
      await page.getByRole("row", { name: /img\.shop\.example Failed .*203\.0\.113\.9/ }).waitFor();
      expect(await seriousFindings(page)).toEqual([]);
      await page.getByRole("button", { name: "Order now img.shop.example" }).click();
      await page.getByText("img.shop.example is ordered in a moment").waitFor();
      await page
        .getByRole("row", { name: /img\.shop\.example Being ordered telling the name servers/ })
        .waitFor();
    },
  );

  story("one that was obtained is revoked for a reason, after a question", async () => {
    const page = await stage.page("owner", { width: 390, scheme: "dark" });
    await visit(page, "/customers/acme/certificates");
    const host = "www.shop.example.cdn.example";
    await page.getByRole("button", { name: `Revoke ${host}` }).press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Reason").selectOption("Others may have its key");
    expect(await seriousFindings(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Revoke certificate" }).press("Enter");
    await page.getByText(`The certificate for ${host} is revoked`).waitFor();
    expect(stage.world.obtained[0]).toMatchObject({ problem: "revoked: key-compromise" });
    await page.getByRole("button", { name: `Revoke ${host}` }).waitFor({ state: "detached" });
  });

  story("one is added with all that was wrong said at its fields, and one is removed", async () => {
    const page = await stage.page("owner");
    await visit(page, "/customers/acme/certificates");
    await page.getByRole("row", { name: /static\.shop\.example Ends soon/ }).waitFor();
    await page
      .getByRole("row", { name: /media\.shop\.example Ended .*browsers refuse it/ })
      .waitFor();
    await page.getByRole("button", { name: "Add a certificate" }).click();
    await page.getByLabel("Certificate, then").fill("a certificate");
    await page.getByLabel("Private key").fill("another's key");
    await page.getByRole("button", { name: "Add certificate" }).click();
    await page.getByText("Expected a certificate that has not ended").waitFor();
    await page.getByText("Expected the private key of this certificate").waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByLabel("Private key").fill("a certificate");
    await page.getByRole("button", { name: "Add certificate" }).click();
    await page.getByText("new.shop.example is in place").waitFor();
    await page.getByRole("button", { name: "Remove media.shop.example" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove certificate" }).click();
    await page.getByText("media.shop.example is removed").waitFor();
    const left = stage.world.certificates.map(({ name }) => name);
    expect(left).toEqual(["www.shop.example", "static.shop.example", "new.shop.example"]);
  });
});
