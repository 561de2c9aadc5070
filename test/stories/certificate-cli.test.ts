import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { testWith } from "../lab/needs.ts";
import { Program, type Program as Running, until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { Api, Folder, loopback, runTurnpike, startTurnpike } from "../lab/turnpike.ts";
import { issued, root } from "./certificates-world.ts";

setDefaultTimeout(180_000);

const HTTPS = 8443;
const folder = new Folder();
const at = loopback();
const control = `http://${at(1)}:${PORTS.control}`;
const api = new Api(control);
const origin = Bun.serve({
  hostname: at(2),
  port: PORTS.origin,
  fetch: () => new Response("page"),
});
let running: Running | null = null;

afterAll(async () => {
  await running?.kill();
  await origin.stop(true);
  folder.remove();
});

async function turnpike(...args: readonly string[]) {
  const done = await runTurnpike(["certificate", ...args, "--server", control, "--token", token]);
  return { code: done.code, output: done.output };
}
let token = "";

async function command(...args: readonly string[]): Promise<string> {
  const program = new Program([...args], { name: args[0] ?? "" });
  await program.ended();
  return program.output;
}

/** The page by a client that trusts the lab's authority alone, or what it says against it. */
function page(): Promise<string> {
  const to = `${HOSTNAME}:${HTTPS}:${at(1)}`;
  const ca = folder.file("root.pem", root.cert);
  return command("curl", "-sS", "--cacert", ca, "--resolve", to, `https://${HOSTNAME}:${HTTPS}/`);
}

testWith(
  ["curl", "openssl"],
  "a certificate given on the command line is trusted by curl, seen by openssl, listed, and gone within a minute",
  async () => {
    const own = selfSigned(["c.cdn.example"], new Date());
    const tls = { cert: folder.file("own.pem", own.cert), key: folder.file("own.key", own.key) };
    const node = smallNode({ address: at(1), data: folder.join("data") });
    const listen = { ...(node.listen as object), https: `${at(1)}:${HTTPS}` };
    running = startTurnpike(upArgs(folder, "node", { ...node, listen, tls }));
    await running.says("ready");
    token = await api.signIn();
    const network = smallNetwork({ address: at(1), origins: [at(2)] });
    const text = JSON.stringify(network).replace('"port":8081', '"port":8081,"front":"caches"');
    await api.must("POST", "/apply", { network: JSON.parse(text) });

    const missing = await turnpike("add", "--cert", "/nowhere.pem");
    expect([missing.code, missing.output.match(/expected a readable PEM file/g)?.length]).toEqual([
      ...[2, 2],
    ]);
    const pair = issued([HOSTNAME]);
    const files = [
      folder.file("site.pem", pair.cert + root.cert),
      folder.file("site.key", pair.key),
    ];
    const wrong = await turnpike("add", "--cert", files[0] ?? "", "--key", tls.key);
    expect(wrong.code).toBe(1);
    expect(wrong.output).toContain("key: expected the private key of this certificate");
    const added = await turnpike("add", "--cert", files[0] ?? "", "--key", files[1] ?? "");
    expect(added.output).toContain(`${HOSTNAME}: shown for ${HOSTNAME} until 2047-`);
    await until(async () => (await page()) === "page", {
      ...{ what: "curl to trust the site", withinMs: 60_000, everyMs: 200 },
    });
    const seen = await command(
      ...[
        "sh",
        "-c",
        `openssl s_client -connect ${at(1)}:${HTTPS} -servername ${HOSTNAME} </dev/null`,
      ],
    );
    expect(seen).toContain("issuer=CN = Lab root");
    expect(seen).toContain("New, TLSv1.3");
    const listed = await turnpike("list");
    expect(listed.output).toMatch(/www\.shop\.example +valid +www\.shop\.example +Lab root +2047-/);

    expect(findSecrets(folder.join("data"), pair.key)).toEqual([]);
    expect(running.output).not.toContain("PRIVATE");

    expect((await turnpike("remove", HOSTNAME)).code).toBe(0);
    await until(async () => (await page()).includes("curl: (60)"), {
      ...{ what: "no cache to show it", withinMs: 60_000, everyMs: 500 },
    });
    expect((await turnpike("list")).output).not.toContain("Lab root");

    const shared = issued(["c.cdn.example"]);
    const both = [folder.file("c.pem", shared.cert), folder.file("c.key", shared.key)];
    const given = await turnpike(
      "add",
      "--network",
      "--cert",
      both[0] ?? "",
      "--key",
      both[1] ?? "",
    );
    expect(given.output).toContain("c.cdn.example: shown for c.cdn.example until 2047-");
    expect((await turnpike("list", "--network")).output).toMatch(/c\.cdn\.example +valid/);
    expect((await turnpike("remove", "c.cdn.example", "--network")).code).toBe(0);
  },
  180,
);

/** Files below a folder that hold a key's scalar, as octets, hex or base64, or a line of its PEM. */
function findSecrets(dir: string, pem: string): string[] {
  const { d = "" } = createPrivateKey(pem).export({ format: "jwk" });
  const scalar = Buffer.from(d, "base64url");
  const secrets = [scalar, scalar.toString("hex"), d, pem.split("\n")[1] ?? pem];
  const files = readdirSync(dir, { recursive: true }).map((name) => join(dir, String(name)));
  const whole = files.filter((path) => statSync(path).isFile());
  expect(whole.some((path) => path.endsWith("certificates.db"))).toBe(true);
  expect(whole.some((path) => path.endsWith("certificates.sealed"))).toBe(true);
  return whole.filter((path) => {
    const bytes = readFileSync(path);
    return secrets.some((secret) => bytes.includes(secret));
  });
}
