import { addressOf, TYPE } from "../client/message.ts";
import { CLIENTS, NODES, SHOP, SHOP_ALIAS, ZONE } from "../layout.ts";
import { linksOf } from "../origin/page.ts";
import { expectThat, until } from "../wait.ts";
import {
  type Claim,
  candidatesOf,
  loadsOf,
  MOVE_MS,
  placed,
  type Scene,
  sameBytes,
  seconds,
} from "./claim.ts";
import { askUdp } from "./dns-client.ts";

const group = "second address";

const BEST: Readonly<Record<string, string>> = { berlin: "fra-1", boston: "nyc-1", tokyo: "sin-1" };

/** The cache that answers to a client subnet, asked of the name server itself and by a resolver. */
async function bestCache(scene: Scene, network: string, cache: string): Promise<string> {
  const place = CLIENTS.find((c) => c.name === network)!;
  const node = NODES.find((n) => n.name === cache)!;
  const { value } = await until(`the best cache for ${network}`, MOVE_MS, async () => {
    const message = await askUdp("127.0.0.1", scene.stage.ports.dns, {
      name: `c.${ZONE}`,
      type: TYPE.A,
      subnet: place.prefix,
    });
    const direct = message.answers.filter((r) => r.type === TYPE.A).map((r) => addressOf(r.data));
    const byResolver = await scene.user(network).lookup(`c.${ZONE}`);
    expectThat(direct[0] === node.v4, `${network} was answered ${placed(direct[0] ?? "nothing")}`);
    expectThat(byResolver === node.v4, `${network}'s resolver got ${placed(byResolver)}`);
    expectThat(message.subnetScope === 24, `the scope is ${message.subnetScope}`);
    const explained = await scene.explain(`c.${ZONE}`, network);
    const rtt = candidatesOf(explained)
      .map((c) => `${c.name} ${c.rttMs?.toFixed(0) ?? "?"} ms`)
      .join(", ");
    return `${network} ${place.prefix} to ${placed(node.v4)}, scope /24 (${rtt})`;
  });
  return value;
}

const BY_SUBNET: Claim = {
  group,
  words: "the best cache for each of three client networks is answered by client subnet",
  async run(scene) {
    const lines = [];
    for (const [network, cache] of Object.entries(BEST))
      lines.push(await bestCache(scene, network, cache));
    return lines.join("; ");
  },
};

function status(response: { readonly headers: Headers }): string {
  return response.headers.get("cache-status") ?? "no Cache-Status";
}

const MISS_THEN_HIT: Claim = {
  group,
  words: "the first fetch is a miss from the least-loaded web server, the second a hit",
  async run(scene) {
    const berlin = scene.user("berlin");
    const best = await until("one lowest server for pages and misses", MOVE_MS, async () => {
      const explained = await scene.explain(SHOP.hostname, "berlin");
      expectThat(explained.answer.v4 === SHOP.origins[0]!.v4, loadsOf(explained));
      return loadsOf(explained);
    });
    const path = scene.freshPath("first");
    const url = scene.cacheUrl(SHOP.hostname, path);
    const first = await scene.visit(berlin, url);
    const second = await scene.visit(berlin, url);
    const from = scene.askedFor(path);
    const seen = `first ${first.status} ${status(first)}, second ${second.status} ${status(second)}, asked of ${from.join()}`;
    expectThat(first.status === 200 && second.status === 200, seen);
    expectThat(/fwd=(uri-)?miss/.test(status(first)) && /;\s*hit/.test(status(second)), seen);
    expectThat(first.address === second.address && from.join() === "shop/fra", seen);
    expectThat(scene.origin("shop/fra").visits({ path }).length === 1, `${seen}, not once`);
    expectThat(sameBytes(first.body, second.body), `${seen}, other bytes`);
    return `${seen} once (${best.value}); the same ${second.body.length} bytes, Age ${second.headers.get("age")}`;
  },
};

const BOTH_FORMS: Claim = {
  group,
  words: "a page's images come by both forms of the second address, never by a node's own name",
  async run(scene) {
    const berlin = scene.user("berlin");
    const page = await scene.visit(berlin, scene.pageUrl(SHOP.hostname));
    const links = linksOf(new TextDecoder().decode(page.body));
    const hosts = [...new Set(links.map((link) => new URL(link).hostname))];
    expectThat(hosts.length === 2 && hosts.includes(`c.${ZONE}`), `hosts: ${hosts.join()}`);
    const got = await Promise.all(links.map((link) => scene.visit(berlin, link)));
    const bad = got.filter((g) => g.status !== 200 || !NODES.some((n) => n.v4 === g.address));
    expectThat(bad.length === 0, bad.map((g) => `${g.url}: ${g.status}`).join());
    const alias = `http://${SHOP_ALIAS}:${scene.stage.ports.http}/img/logo.svg`;
    const own = await scene.visit(berlin, alias);
    const same = got.find((g) => g.url.endsWith("/img/logo.svg"))?.body ?? new Uint8Array();
    expectThat(own.status === 200 && sameBytes(own.body, same), `${alias}: ${own.status}`);
    return `${got.length} objects from ${hosts.join(" and ")} at ${placed(got[0]?.address ?? "")}; the customer's own ${SHOP_ALIAS} leads there too`;
  },
};

const SWAPPED: Claim = {
  group,
  words:
    "loads swapped after the page's answer: the page from one server, the miss at another's IP",
  async run(scene) {
    const berlin = scene.user("berlin");
    await until("fra answered at rest", MOVE_MS, async () => {
      const address = await berlin.lookup(SHOP.hostname);
      return expectThat(address === SHOP.origins[0]!.v4, `${placed(address)} answered`);
    });
    const pageFrom = performance.timeOrigin + performance.now();
    const page = await scene.visit(berlin, scene.pageUrl(SHOP.hostname));
    scene.origin("shop/fra").reporter?.machine.set({ cpu: 0.9 });
    scene.origin("shop/sin").reporter?.machine.set({ cpu: 0.05 });
    const { tookMs } = await until("the swap in the decision", MOVE_MS, async () => {
      const { answer } = await scene.explain(SHOP.hostname, "berlin");
      return expectThat(answer.v4 === SHOP.origins[2]!.v4, `explain answers ${answer.v4}`);
    });
    const { value: miss } = await until("the miss at the other server", MOVE_MS, async () => {
      const tried = scene.freshPath("swap");
      const got = await scene.visit(berlin, scene.cacheUrl(SHOP.hostname, tried));
      const asked = scene.askedFor(tried).join();
      expectThat(got.status === 200 && asked === "shop/sin", `${got.status}, asked of ${asked}`);
      return { tried, asked };
    });
    const pages = [...scene.stage.world.origins.values()].filter((o) =>
      o.visits({ path: "/", host: SHOP.hostname }).some((v) => v.atMs >= pageFrom - 5),
    );
    const seen = `page logged at ${pages.map((o) => o.id).join()} (${page.address}), ${miss.tried} at ${miss.asked}`;
    expectThat(pages.length === 1 && pages[0]?.id === "shop/fra", seen);
    return `${seen} (127.21.3.1), the swap seen after ${seconds(tookMs)}`;
  },
};

export const SECOND_ADDRESS: readonly Claim[] = [BY_SUBNET, MISS_THEN_HIT, BOTH_FORMS, SWAPPED];
