import { addressOf, TYPE } from "../client/message.ts";
import { NODES, PAPER_HOSTNAME, SHOP, ZONE } from "../layout.ts";
import { expectThat, until } from "../wait.ts";
import { type Claim, MOVE_MS, placed } from "./claim.ts";
import { askTcp, askUdp } from "./dns-client.ts";

const group = "nodes";

const BOTH_ROLES: Claim = {
  group,
  words: "a name server and a cache run on one node, and answer by UDP, TCP and HTTP",
  async run(scene) {
    const { ports } = scene.stage;
    const lines = [];
    for (const node of NODES.filter((n) => n.roles.includes("dns"))) {
      const question = { name: `c.${ZONE}`, type: TYPE.A, subnet: "198.51.100.0/24" };
      const udp = await askUdp(node.v4, ports.dns, question);
      const tcp = await askTcp(node.v4, ports.dns, question);
      const [a, b] = [udp, tcp].map((m) => m.answers.map((r) => addressOf(r.data)).join());
      expectThat(a === b && a !== "", `UDP ${a}, TCP ${b}`);
      const url = scene.cacheUrl(SHOP.hostname, "/css/site.css");
      const object = await scene.fetchAt(node.v4, url);
      expectThat(object.status === 200, `${node.name} by HTTP: ${object.status}`);
      lines.push(`${placed(node.v4)}: UDP and TCP ${a}, HTTP ${object.status}`);
    }
    return lines.join("; ");
  },
};

const HTTPS: Claim = {
  group,
  words: "caches speak HTTPS",
  async run(scene) {
    const { ports, dataDir } = scene.stage;
    const address = await scene.user("berlin").lookup(`c.${ZONE}`);
    const ca = await Bun.file(`${dataDir}/demo-cert.pem`).text();
    const url = `https://c.${ZONE}:${ports.https}/${SHOP.hostname}/css/site.css`;
    const got = await scene.fetchAt(address, url, { tls: { ca, serverName: `c.${ZONE}` } });
    expectThat(got.status === 200, `status ${got.status}`);
    return `${url} at ${placed(address)}: ${got.status}, ${got.body.length} bytes`;
  },
};

const FRONT: Claim = {
  group,
  words: "a site with caches in front: its first address is a cache, and every method passes",
  async run(scene) {
    const tokyo = scene.user("tokyo");
    const page = await scene.visit(tokyo, scene.pageUrl(PAPER_HOSTNAME));
    expectThat(
      NODES.some((n) => n.v4 === page.address) && page.status === 200,
      `${page.status} at ${page.address}`,
    );
    const posted = await scene.visit(tokyo, scene.pageUrl(PAPER_HOSTNAME, "/echo"), {
      method: "POST",
      body: "hello",
    });
    const words = new TextDecoder().decode(posted.body).trim();
    expectThat(posted.status === 200 && words.endsWith("hello"), `POST: ${posted.status} ${words}`);
    return `${PAPER_HOSTNAME} is ${placed(page.address)}, page from ${page.headers.get("x-server")}; "${words}"`;
  },
};

interface PurgeState {
  readonly acks: readonly { readonly node: string }[];
  readonly missing: readonly string[];
}

const PURGED: Claim = {
  group,
  words: "after a purge is acknowledged no cache serves the old object",
  async run(scene) {
    const { api } = scene.stage.shop;
    const path = scene.freshPath("purge");
    const url = scene.cacheUrl(SHOP.hostname, path);
    const fetchAll = async () => {
      for (const node of NODES) await scene.fetchAt(node.v4, url);
    };
    const asked = () => scene.askedFor(path).flatMap((id) => scene.origin(id).visits({ path }));
    await fetchAll();
    await fetchAll();
    const before = asked().length;
    const { number } = await api.call<{ readonly number: number }>(
      "POST",
      `/customers/shop/sites/${SHOP.hostname}/purge`,
      { path },
    );
    const { value, tookMs } = await until("all acknowledgements", MOVE_MS, async () => {
      const state = await api.call<PurgeState>("GET", `/purges/${number}`);
      expectThat(state.missing.length === 0, `missing: ${state.missing.join()}`);
      return state;
    });
    await fetchAll();
    const after = asked().length;
    const seen = `web servers were asked ${before} times before and ${after - before} after`;
    expectThat(before === NODES.length && after - before === NODES.length, seen);
    return `purge ${number} acknowledged by ${value.acks.map((a) => a.node).join()} in ${tookMs.toFixed(0)} ms; ${seen}`;
  },
};

export const NODE: readonly Claim[] = [BOTH_ROLES, HTTPS, FRONT, PURGED];
