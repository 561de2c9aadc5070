import { expect } from "bun:test";
import { seriousFindings, stageOfStories, story, visit } from "../portal/stage.ts";

const stage = stageOfStories();

const PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
const KEY = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----";
const names = () => stage.world.credentials.map(({ name, kind }) => `${name} ${kind}`);

story("a value is made, shown once, and gone with the page", async () => {
  const page = await stage.page("empty");
  await visit(page, "/customers/globex/credentials");
  await page.getByText("No credential yet").waitFor();
  await page.getByRole("button", { name: "Add a credential" }).click();
  const add = page.getByRole("button", { name: "Add credential", exact: true });
  expect(await add.isDisabled()).toBe(true);
  await page.getByLabel("Name").fill("winter");
  await page.getByLabel("Name").press("Enter");
  await page.getByText("Copy the value of winter now").waitFor();
  expect(await page.getByText("made-up-value-1234").count()).toBe(1);
  expect(await seriousFindings(page)).toEqual([]);
  await page.reload();
  await page.getByText("No credential yet").waitFor();
  expect(await page.getByText("made-up-value-1234").count()).toBe(0);
});

story("a client certificate is refused with what is wrong at its fields, then kept", async () => {
  const page = await stage.page("owner");
  await visit(page, "/customers/acme/credentials");
  await page.getByRole("row", { name: /edge Client certificate CN=edge\.shop\.example/ }).waitFor();
  await page.getByRole("row", { name: /autumn Secret field .*www\.shop\.example/ }).waitFor();
  await page.getByText("198.51.100.1 2001:db8:ffff::1 198.51.100.2").waitFor();
  await page.getByRole("button", { name: "Copy the addresses" }).waitFor();
  await page.getByRole("button", { name: "Replace edge" }).click();
  await page.getByLabel("Certificate, then").fill(PEM);
  await page.getByLabel("Private key").fill(`${KEY}another's`);
  await page.getByRole("button", { name: "Replace credential" }).click();
  await page.getByText("Expected the certificate's own private key").waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByLabel("Private key").fill(KEY.replace("PRIVATE KEY-----", "CERTIFICATE-----"));
  await page.getByRole("button", { name: "Cancel" }).click();
  // What was typed is nowhere any more.
  await page.getByRole("button", { name: "Replace edge" }).click();
  expect(await page.getByLabel("Certificate, then").inputValue()).toBe("");
  await page.getByLabel("Certificate, then").fill(`${PEM}${KEY.slice(-10)}`);
  await page.getByLabel("Private key").fill(KEY);
  await page.getByRole("button", { name: "Replace credential" }).click();
  await page.getByText("edge is in place").waitFor();
  expect(names()).toEqual(["autumn value", "edge certificate", "bucket access-key"]);
});

story(
  "the key of a bucket is kept, and one is removed by keyboard, told who needs it",
  async () => {
    const page = await stage.page("owner");
    await visit(page, "/customers/acme/credentials");
    await page.getByRole("button", { name: "Add a credential" }).click();
    await page.getByLabel("Name").fill("archive");
    await page.getByLabel("Kind").selectOption("access-key");
    await page.getByLabel("Access key id").fill("AKIA1");
    const secret = page.getByLabel("Secret access key");
    expect(await secret.getAttribute("type")).toBe("password");
    await secret.fill("a-secret-key-of-a-store");
    await page.getByRole("button", { name: "Add credential", exact: true }).click();
    await page.getByText("archive is in place").waitFor();
    await page.getByRole("button", { name: "Remove autumn" }).focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog
      .getByText("Caches fetch nothing from the web servers of www.shop.example")
      .waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Remove credential" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("autumn is removed").waitFor();
    expect(names()).toEqual(["edge certificate", "bucket access-key", "archive access-key"]);
  },
);

story("who may only look is shown no way to change any", async () => {
  const page = await stage.page("viewer");
  await visit(page, "/customers/acme/credentials");
  await page.getByRole("row", { name: /autumn/ }).waitFor();
  expect(await page.getByRole("button", { name: /Replace|Remove|Add/ }).count()).toBe(0);
});

story(
  "an operator sees the network's own name obtained, and what failed of customers'",
  async () => {
    const page = await stage.page("operator");
    await visit(page, "/certificates");
    const table = page.getByRole("table", { name: "Certificates obtained by themselves" });
    await table.getByRole("row", { name: /c\.cdn\.example Obtained/ }).waitFor();
    await table.getByRole("row", { name: /img\.shop\.example Failed/ }).waitFor();
    expect(await table.getByRole("row").count()).toBe(3);
    expect(await seriousFindings(page)).toEqual([]);
  },
);

story("an operator adds the network's own certificate, and removes it", async () => {
  const page = await stage.page("operator");
  await visit(page, "/certificates");
  await page.getByText("No certificate yet").waitFor();
  await page.getByRole("button", { name: "Add a certificate" }).click();
  await page.getByLabel("Certificate, then").fill(PEM);
  await page.getByLabel("Private key").fill(KEY);
  await page.getByRole("button", { name: "Add certificate" }).click();
  const uploaded = page.getByRole("table", { name: "Certificates", exact: true });
  await uploaded.getByRole("row", { name: /c\.cdn\.example/ }).waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  expect(stage.world.networkCertificates.length).toBe(1);
  await page.getByRole("button", { name: "Remove c.cdn.example" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove certificate" }).click();
  await page.getByText("No certificate yet").waitFor();
  expect(stage.world.networkCertificates).toEqual([]);
});
