import { expect, test } from "bun:test";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned } from "../../src/cli/demo/certificate.ts";

/** Trust is settled when a process starts, so the check runs in one of its own. */
const SCRIPT = `
  import { checkHttp } from ${JSON.stringify(join(import.meta.dir, "../../src/probe/checks/http.ts"))};
  import { checkTls } from ${JSON.stringify(join(import.meta.dir, "../../src/probe/checks/tls.ts"))};
  import { realClock } from ${JSON.stringify(join(import.meta.dir, "../../src/base/real/clock.ts"))};
  const [port, host] = process.argv.slice(-2);
  const { ok, failure, certificateDays } = await checkHttp({
    address: "127.0.0.1", port: Number(port), scheme: "https", host, path: "/",
    statusMin: 200, statusMax: 299, timeoutMs: 2000, clock: realClock,
  });
  const hands = await checkTls({
    address: "127.0.0.1", port: Number(port), serverName: host, timeoutMs: 2000, clock: realClock,
  });
  const inOrder = hands.connectMs <= hands.tlsMs && hands.tlsMs <= hands.totalMs;
  console.log(JSON.stringify({
    ok, failure, days: certificateDays ?? null,
    tls: { failure: hands.failure, days: hands.certificateDays ?? null, inOrder: hands.ok && inOrder },
  }));
`;

async function check(port: number, host: string, authority: string): Promise<unknown> {
  const child = Bun.spawn([process.execPath, "-e", SCRIPT, String(port), host], {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: authority },
    stdout: "pipe",
  });
  return JSON.parse(await new Response(child.stdout).text());
}

test("HTTPS and TLS checks verify the certificate for the site's name, and tell its days left", async () => {
  const dir = await mkdtemp(join(tmpdir(), "probe-tls-"));
  const { cert, key } = selfSigned(["www.shop.example"], new Date());
  const old = selfSigned(["www.shop.example"], new Date(Date.now() - 3 * 86_400_000));
  const authority = join(dir, "ca.pem");
  await writeFile(authority, `${cert}${old.cert}`);
  const fetch = () => new Response("ok");
  const at = { hostname: "127.0.0.1", port: 0, fetch };
  const server = Bun.serve({ ...at, tls: { cert, key } });
  const expired = Bun.serve({ ...at, tls: old });
  const plain = Bun.serve(at);
  const refused = (failure: string) => {
    return { ok: false, failure, days: null, tls: { failure, days: null, inOrder: false } };
  };
  try {
    const port = server.port ?? 0;
    expect(await check(port, "www.shop.example", authority)).toEqual({
      ok: true,
      failure: "",
      days: 0,
      tls: { failure: "", days: 0, inOrder: true },
    });
    expect(await check(port, "www.other.example", authority)).toEqual(refused("certificate"));
    expect(await check(port, "www.shop.example", "")).toEqual(refused("certificate"));
    const late = await check(expired.port ?? 0, "www.shop.example", authority);
    expect(late).toEqual(refused("certificate expired"));
    const notTls = await check(plain.port ?? 0, "www.shop.example", authority);
    expect(notTls).toEqual(refused("not tls"));
  } finally {
    await server.stop(true);
    await expired.stop(true);
    await plain.stop(true);
    await rm(dir, { recursive: true, force: true });
  }
}, 30_000);
