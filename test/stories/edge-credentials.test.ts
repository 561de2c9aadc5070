// Web servers know caches of the network from everybody else: by a secret field and by a client
// certificate, made through the API, rotated without a failed request, and nowhere in the open.

import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  setDefaultTimeout,
  test,
} from "bun:test";
import { X509Certificate } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LocalBus } from "../../src/bus/mod.ts";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import {
  type OriginCredentials,
  startOriginCredentials,
} from "../../src/cli/node/origin-credentials.ts";
import { secretWorld } from "../../src/cli/node/secret-world.fixture.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import type { CredentialMade, CredentialRow, ProblemDetails } from "../../src/model/api/mod.ts";
import { testWith } from "../lab/needs.ts";
import { Program, run, until as untilSo } from "../lab/process.ts";
import { type Recorder, startRecorder } from "../lab/recorder.ts";
import { Stage, type StageSite, snapshotOf } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

// The control plane hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

const SITE = "www.shop.example";
const SECURE = "pay.shop.example";
const NGINX = { address: "127.75.4.2", port: 24_443 };
const PATH = "/customers/shop/credentials";
const dir = mkdtempSync(join(tmpdir(), "turnpike-credentials-"));
const serverTls = selfSigned([SECURE], new Date());

let control: ControlWorld;
let headers: Record<string, string>;
let credentials: OriginCredentials;
let origin: Recorder;
let stage: Stage;
const ways = new TwoWays(() => stage);

function networkOf(fetch: object, more: Partial<StageSite> = {}) {
  const { address, port } = origin;
  const base = { customer: "shop", front: "caches" as const };
  return snapshotOf([
    { ...base, hostname: SITE, port, fetch, origins: [{ name: "o1", v4: address, port }], ...more },
    {
      ...{ ...base, hostname: SECURE, port: NGINX.port, scheme: "https" as const },
      fetch: { ca: serverTls.cert, certificate: "edge" },
      origins: [{ name: "o1", v4: NGINX.address, port: NGINX.port }],
    },
  ]);
}

beforeAll(async () => {
  control = await startControlWorld();
  headers = await control.token(OPERATOR);
  await control.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
  credentials = await startOriginCredentials(secretWorld(dir, control.bus));
  origin = await startRecorder("127.75.4.1");
  stage = new Stage(networkOf({}), "127.75.9.6");
  await stage.start({
    tls: selfSigned([SITE, SECURE], new Date()),
    credentials: (customer, name) => credentials.find(customer, name),
  });
});
afterAll(async () => {
  ways.close();
  credentials.stop();
  await stage.stop();
  await origin.stop();
  await control.stop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => origin.clear());

/** The cache may be asking already when something is changed: it asks until it has it. */
async function caughtUp(holds: () => boolean): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!holds() && performance.now() < endMs) {
    await credentials.catchUp();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(holds()).toBe(true);
}

async function put(name: string, body: object = { kind: "value" }): Promise<CredentialMade> {
  const before = credentials.find("shop", name);
  const made = await control.call<CredentialMade>("PUT", `${PATH}/${name}`, { headers, body });
  expect(made.status).toBe(200);
  await caughtUp(() => credentials.find("shop", name) !== before);
  return made.body;
}

async function drop(name: string): Promise<void> {
  expect((await control.call("DELETE", `${PATH}/${name}`, { headers })).status).toBe(204);
  await caughtUp(() => credentials.find("shop", name) === null);
}

/** What the origin was sent in that field, in all requests. */
const shown = (field: string) =>
  origin.requests.map(({ fields }) => fields.filter(([name]) => name === field).map(([, v]) => v));

describe("a secret field", () => {
  test("is in each request to the web servers, once, whatever clients and rules say", async () => {
    const { value } = await put("autumn");
    expect(value).toMatch(/^[\w-]{43}$/);
    stage.publish(networkOf({ secret: { field: "X-Edge-Key", keys: ["autumn"] } }));
    const fields = { "x-edge-key": "mine", "X-Other": "1" };
    for (const [via, get] of ways.both) {
      for (const method of ["GET", "POST", "HEAD"]) {
        const said = await get(`http://${SITE}/${via.replace(/\D/g, "")}/secret`, {
          fields,
          method,
        });
        expect([said.status, JSON.stringify([...said.headers]).includes(value!)]).toEqual([
          200,
          false,
        ]);
      }
    }
    expect(shown("x-edge-key")).toEqual(Array.from({ length: 6 }, () => [value!]));
    const rule = { name: "given", match: {}, request: { set: { "X-Edge-Key": "ruled" } } };
    const fetch = { secret: { field: "X-Edge-Key", keys: ["autumn"] } };
    stage.publish(networkOf(fetch, { rules: [rule] }));
    origin.clear();
    await stage.get(`http://${SITE}/ruled`);
    expect(shown("x-edge-key")).toEqual([[value!]]);
  });

  test("is rotated by name: the first that is there goes, and without any nothing is asked", async () => {
    const old = await put("summer");
    stage.publish(networkOf({ secret: { keys: ["winter", "summer"] } }));
    await stage.get(`http://${SITE}/r1`);
    const next = await put("winter");
    await stage.get(`http://${SITE}/r2`);
    await drop("summer");
    await stage.get(`http://${SITE}/r3`);
    expect(shown("x-origin-secret")).toEqual([[old.value!], [next.value!], [next.value!]]);
    await drop("winter");
    for (const [, get] of ways.both) {
      const said = await get(`http://${SITE}/r4`);
      expect([said.status, said.headers.get("proxy-status")]).toEqual([
        503,
        'edge-1; error=proxy_configuration_error; details="credential-missing"',
      ]);
    }
    expect(origin.requests.length).toBe(3);
  });

  test("of another customer is not found, though it has the same name", async () => {
    const body = { kind: "value" };
    await control.call("PUT", "/customers/news/credentials/autumn", { headers, body });
    await caughtUp(() => credentials.find("news", "autumn") !== null);
    const own = credentials.find("shop", "autumn");
    expect(credentials.find("news", "autumn")).not.toEqual(own);
    stage.publish(networkOf({ secret: { keys: ["autumn"] } }, { customer: "other" }));
    expect((await stage.get(`http://${SITE}/other`)).status).toBe(503);
    expect(origin.requests.length).toBe(0);
  });
});

describe("what is kept", () => {
  test("is refused with all that is wrong with it, and never told back", async () => {
    const good = selfSigned(["edge"], new Date());
    const other = selfSigned(["edge"], new Date());
    const bad: readonly [object, string[]][] = [
      [{ kind: "value", value: "short" }, ["value"]],
      [{ kind: "certificate", certificate: good.cert, privateKey: other.key }, ["privateKey"]],
      [
        {
          kind: "certificate",
          certificate: "-----BEGIN CERTIFICATE-----\nx",
          privateKey: "-----BEGIN PRIVATE KEY-----\nx",
        },
        ["certificate", "privateKey"],
      ],
    ];
    for (const [body, paths] of bad) {
      const said = await control.call<ProblemDetails>("PUT", `${PATH}/bad`, { headers, body });
      expect([said.status, said.body.problems.map((one) => one.path)]).toEqual([422, paths]);
      expect(JSON.stringify(said.body)).not.toContain("PRIVATE KEY-----\\n");
    }
  });

  test("lies nowhere in the open: not in lists, the audit, snapshots or files (T8)", async () => {
    const { value } = await put("autumn");
    const own = selfSigned(["edge"], new Date());
    await put("edge", { kind: "certificate", certificate: own.cert, privateKey: own.key });
    await put("bucket", { kind: "access-key", id: "AKIAEXAMPLE", secret: "wJalrXUtnFEMI-secret" });
    const listed = await control.call<CredentialRow[]>("GET", PATH, { headers });
    expect(listed.body.map(({ name, kind, about }) => [name, kind, about.split(",")[0]])).toEqual([
      ["autumn", "value", ""],
      ["bucket", "access-key", "AKIAEXAMPLE"],
      ["edge", "certificate", "CN=Turnpike demo"],
    ]);
    const audit = await control.call("GET", "/audit?limit=500", { headers });
    expect(JSON.stringify(audit.body)).toContain("credential.put");
    const key = Buffer.from(own.key.split("\n").slice(1, -2).join(""), "base64").toString("latin1");
    const secrets = [value!, "wJalrXUtnFEMI-secret", own.key.split("\n")[1]!, key];
    const seen = [listed.body, audit.body, control.published, stage.snapshot];
    const texts: [string, string][] = seen.map((one, i) => [`seen ${i}`, JSON.stringify(one)]);
    for (const folder of [control.dataDir, dir]) {
      for (const name of readdirSync(folder)) {
        const path = join(folder, name);
        if (statSync(path).isFile()) texts.push([name, readFileSync(path, "latin1")]);
      }
    }
    for (const [name, text] of texts) {
      expect([name, secrets.filter((secret) => text.includes(secret))]).toEqual([name, []]);
    }
    expect(texts.map(([name]) => name)).toContain("origin-credentials.db");
    expect(texts.map(([name]) => name)).toContain("origin-credentials.sealed");
  });

  test("is there for a cache that starts with control dead", async () => {
    const { value } = await put("autumn");
    const again = await startOriginCredentials(secretWorld(dir, new LocalBus(), 8));
    again.stop();
    expect(again.find("shop", "autumn")).toEqual({ kind: "value", value: value! });
    expect(again.find("nobody", "autumn")).toBeNull();
  });
});

const nginxConf = (trusted: string) => `daemon off;
user root;
worker_processes 1;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log;
events { worker_connections 256; }
http {
${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((kind) => `  ${kind}_temp_path ${dir}/temp;`).join("\n")}
  access_log off;
  server {
    listen ${NGINX.address}:${NGINX.port} ssl;
    ssl_certificate ${dir}/server.pem;
    ssl_certificate_key ${dir}/server.key;
    ssl_client_certificate ${trusted};
    ssl_verify_client on;
    location / {
      add_header Cache-Control no-store;
      return 200 $ssl_client_fingerprint;
    }
  }
}
`;

const fingerprint = (pem: string) =>
  new X509Certificate(pem).fingerprint.replaceAll(":", "").toLowerCase();

/** Self-signed, with a subject of its own: OpenSSL tells authorities apart by that. */
async function ownCertificate(name: string): Promise<{ cert: string; key: string }> {
  const [cert, key] = [join(dir, `${name}.pem`), join(dir, `${name}.key`)];
  const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const said = ["-subj", `/CN=${name}`, "-out", cert, "-keyout", key];
  await run(["openssl", "req", "-x509", ...kind, ...said]);
  return { cert: readFileSync(cert, "utf8"), key: readFileSync(key, "utf8") };
}

testWith(
  ["nginx", "openssl"],
  "nginx that takes nobody without its client certificate takes the cache, and its next one, and no other",
  async () => {
    const [first, second, stranger] = await Promise.all(["a", "b", "c"].map(ownCertificate));
    mkdirSync(join(dir, "temp"), { recursive: true });
    writeFileSync(join(dir, "server.pem"), serverTls.cert);
    writeFileSync(join(dir, "server.key"), serverTls.key);
    writeFileSync(join(dir, "trusted.pem"), first!.cert + second!.cert);
    writeFileSync(join(dir, "nginx.conf"), nginxConf(join(dir, "trusted.pem")));
    const nginx = new Program(["nginx", "-c", join(dir, "nginx.conf")]);
    try {
      const use = ({ cert, key }: { cert: string; key: string }) =>
        put("edge", { kind: "certificate", certificate: cert, privateKey: key });
      await use(first!);
      const ask = () => ways.http2(`https://${SECURE}/who`);
      await untilSo(async () => (await ask()).status === 200, { what: "nginx to answer" });
      for (const [, get] of ways.both) {
        expect((await get(`https://${SECURE}/who`)).text).toBe(fingerprint(first!.cert));
      }
      await use(second!);
      for (const [, get] of ways.both) {
        expect((await get(`https://${SECURE}/who`)).text).toBe(fingerprint(second!.cert));
      }
      await use(stranger!);
      expect((await ask()).status).toBeGreaterThanOrEqual(400);
      await drop("edge");
      expect((await ask()).headers.get("proxy-status")).toContain("credential-missing");
      await use(first!);
      expect((await ask()).text).toBe(fingerprint(first!.cert));
    } finally {
      await nginx.stop();
    }
  },
);

test("a certificate is for HTTPS: a site that has it without is refused", () => {
  expect(() => networkOf({ certificate: "edge" })).toThrow();
});
