import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned } from "../../src/cli/demo/certificate.ts";

/** Trust is settled when a process starts, so the check runs in one of its own. */
const SCRIPT = `
  import { checkHttp } from ${JSON.stringify(join(import.meta.dir, "../../src/probe/checks/http.ts"))};
  import { realClock } from ${JSON.stringify(join(import.meta.dir, "../../src/base/real/clock.ts"))};
  const [port, host] = process.argv.slice(-2);
  const { ok, failure } = await checkHttp({
    address: "127.0.0.1", port: Number(port), scheme: "https", host, path: "/",
    statusMin: 200, statusMax: 299, timeoutMs: 2000, clock: realClock,
  });
  console.log(JSON.stringify({ ok, failure }));
`;

async function check(port: number, host: string, authority: string): Promise<unknown> {
  const child = Bun.spawn([process.execPath, "-e", SCRIPT, String(port), host], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: authority },
    stdout: "pipe",
  });
  return JSON.parse(await new Response(child.stdout).text());
}

test("an HTTPS check verifies the certificate for the site's name, at the origin's address", async () => {
  const dir = await mkdtemp(join(tmpdir(), "probe-tls-"));
  const { cert, key } = selfSigned(["www.shop.example"], new Date());
  const authority = join(dir, "ca.pem");
  await writeFile(authority, cert);
  const tls = { cert, key };
  const fetch = () => new Response("ok");
  const server = Bun.serve({ hostname: "127.0.0.1", port: 0, tls, fetch });
  const plain = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch });
  try {
    const port = server.port ?? 0;
    expect(await check(port, "www.shop.example", authority)).toEqual({ ok: true, failure: "" });
    const refused = { ok: false, failure: "certificate" };
    expect(await check(port, "www.other.example", authority)).toEqual(refused);
    expect(await check(port, "www.shop.example", "")).toEqual(refused);
    const notTls = { ok: false, failure: "not tls" };
    expect(await check(plain.port ?? 0, "www.shop.example", authority)).toEqual(notTls);
  } finally {
    await server.stop(true);
    await plain.stop(true);
    await rm(dir, { recursive: true });
  }
}, 20_000);
