/** Certificates that the network obtains by itself, from Debian's pebble through its own name servers. */
import { afterAll, setDefaultTimeout } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { testWith } from "../lab/needs.ts";
import { Pebble } from "../lab/pebble.ts";
import { Program, type Program as Running, until } from "../lab/process.ts";
import { PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";

setDefaultTimeout(120_000);

const HTTPS = 8443;
const folder = new Folder();
const at = loopback();
const control = `http://${at(1)}:${PORTS.control}`;
const api = new Api(control);
const pebble = new Pebble({
  address: at(3),
  folder,
  dns: `${at(1)}:${PORTS.dns}`,
  env: { PEBBLE_WFE_NONCEREJECT: "20", PEBBLE_AUTHZREUSE: "0" },
});
let running: Running | null = null;

afterAll(async () => {
  await running?.kill();
  await pebble.stop();
  folder.remove();
});

/** Whether a client that trusts the authority alone gets an answer from this host over HTTPS. */
async function trusts(host: string): Promise<boolean> {
  const ca = folder.file("root.pem", await pebble.root());
  const to = `${host}:${HTTPS}:${at(1)}`;
  const url = `https://${host}:${HTTPS}/`;
  const curl = ["curl", "-sS", "-o", "/dev/null", "--cacert", ca, "--resolve", to, url];
  const program = new Program(curl, { name: "curl" });
  return (await program.ended()) === 0;
}

testWith(
  ["pebble", "openssl", "curl"],
  "certificates for c.<zone> and a site's second address come by themselves, by DNS through our name servers",
  async () => {
    const own = selfSigned(["node.cdn.example"], new Date());
    const tls = { cert: folder.file("own.pem", own.cert), key: folder.file("own.key", own.key) };
    const node = smallNode({ address: at(1), data: folder.join("data") });
    const listen = { ...(node.listen as object), https: `${at(1)}:${HTTPS}` };
    running = startTurnpike(upArgs(folder, "node", { ...node, listen, tls }));
    await running.says("ready");
    await pebble.start();
    await api.signIn();
    const network = smallNetwork({ address: at(1), origins: [at(2)] });
    const acme = { directory: pebble.directory, ca: pebble.ca, termsAgreed: true };
    await api.must("POST", "/apply", { network: { ...network, acme } });
    for (const host of ["c.cdn.example", "www.shop.example.cdn.example"]) {
      await until(() => trusts(host), { what: host, withinMs: 60_000, everyMs: 500 });
    }
  },
);
