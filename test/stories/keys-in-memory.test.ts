// A dump of a process's memory has no key that this process does not use (T8): keys of certificates are
// with the caches, TSIG keys with the name server, and with nobody on the way between control and them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createPrivateKey } from "node:crypto";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { connect } from "node:tls";
import { issue, selfSigned } from "../../src/cli/demo/certificate.ts";
import { foundInMemory } from "../lab/memory.ts";
import { type Program, until } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode } from "../lab/small-network.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";

const HTTPS_PORT = 8443;
const folder = new Folder();
const at = loopback();
const data = folder.join("data");
const api = new Api(`http://${at(1)}:${PORTS.control}`);
const from = new Date(Date.now() - 86_400_000);
const pair = issue({ subject: HOSTNAME, names: [HOSTNAME], from, days: 90 });
let running: Program;

beforeAll(async () => {
  const small = smallNode({ address: at(1), data });
  const own = selfSigned(["c.cdn.example"], new Date());
  const tls = { cert: folder.file("cert.pem", own.cert), key: folder.file("key.pem", own.key) };
  const node = {
    ...small,
    listen: { ...(small.listen as object), https: `${at(1)}:${HTTPS_PORT}` },
    cache: { memoryMiB: 16, diskMiB: 64, workers: 2 },
    tls,
  };
  running = startTurnpike([
    "up",
    "--config",
    folder.file("node.yaml", node),
    "--log-level",
    "debug",
  ]);
  await running.says("ready");
  await api.signIn();
  const network = smallNetwork({ address: at(1), origins: [at(2)] });
  const [customer] = network.customers as { sites: Record<string, unknown>[] }[];
  Object.assign(customer!.sites[0]!, { front: "caches" });
  await api.must("POST", "/apply", { network });
}, 60_000);
afterAll(async () => {
  await running?.stop();
  folder.remove();
});

type Kind = "supervisor" | "control" | "node";

/** The supervisor, and its children: control has its databases open. */
function processes(): ReadonlyMap<number, Kind> {
  const all = new Map<number, Kind>([[running.pid, "supervisor"]]);
  for (const name of readdirSync("/proc").filter((one) => /^\d+$/.test(one))) {
    const files = filesOf(name, running.pid);
    if (files === null) continue;
    const isControl = files.some((one) => one.startsWith(`${data}/control/`));
    all.set(Number(name), isControl ? "control" : "node");
  }
  return all;
}

/** What a child has open; null of other processes. */
function filesOf(pid: string, parent: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) !== parent) return null;
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    });
  } catch {
    return null;
  }
}

/** The serial number of the certificate that one handshake shows. */
function shown(): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const to = { host: at(1), port: HTTPS_PORT, servername: HOSTNAME, rejectUnauthorized: false };
  const socket = connect(to, () => {
    resolve(socket.getPeerCertificate().serialNumber.toLowerCase());
    socket.destroy();
  });
  socket.on("error", reject);
  return promise;
}

/** Which processes hold a secret, in any of these forms. */
function holders(forms: readonly Buffer[]): { readonly [kind in Kind]: readonly number[] } {
  const all = [...processes()].filter(([pid]) => foundInMemory(pid, forms).size > 0);
  const of = (wanted: Kind) => all.filter(([, kind]) => kind === wanted).map(([pid]) => pid);
  return { supervisor: of("supervisor"), control: of("control"), node: of("node") };
}

test("keys of certificates are in the caches' memory, TSIG keys in the name server's, and none on the way there or in a log", async () => {
  const { cert, key } = pair;
  const { serial } = await api.must("POST", "/customers/shop/certificates", { cert, key });
  const ask = { key: "xfr", use: "transfer" };
  const { secret } = await api.must("POST", "/customers/shop/tsig-keys", ask);
  const { d = "" } = createPrivateKey(key).export({ format: "jwk" });
  const scalar = Buffer.from(d, "base64url");
  // As octets, as the numbers of a library may have them, and as it was written.
  const pem = Buffer.from(key.split("\n")[1] ?? "");
  const ofCertificate = [scalar, Buffer.from(scalar.toReversed()), pem];
  const ofTsig = [Buffer.from(secret), Buffer.from(secret, "base64")];
  const long = { withinMs: 40_000, everyMs: 100 };
  await until(async () => (await shown()) === serial, {
    what: "the certificate to be shown",
    ...long,
  });
  // Two workers, and not their keeper, which has no clients; and the name server.
  const isThere = () => [holders(ofCertificate), holders(ofTsig)].map(({ node }) => node.length);
  await until(() => isThere().join() === "2,1", { what: "all to have their keys", ...long });
  const [certificates, tsig] = [holders(ofCertificate), holders(ofTsig)];
  expect(certificates.supervisor).toEqual([]);
  expect(tsig.supervisor).toEqual([]);
  expect(certificates.node.filter((pid) => tsig.node.includes(pid))).toEqual([]);
  const isLogged = () => running.output.includes("Customers' certificates changed");
  await until(isLogged, { what: "the log to tell of it" });
  const log = Buffer.from(running.output);
  expect([...ofCertificate, ...ofTsig].filter((one) => log.includes(one))).toEqual([]);
  expect([certificates.node.length, tsig.node.length]).toEqual([2, 1]);
}, 120_000);
