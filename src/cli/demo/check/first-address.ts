import { nameOf, RCODE, TYPE } from "../client/message.ts";
import { NEWS, NODES, PAPER_HOSTNAME, PAPER_ZONE, SHOP, ZONE } from "../layout.ts";
import { expectThat, until } from "../wait.ts";
import { type Claim, loadsOf, lowestOf, MOVE_MS, placed, type Scene, seconds } from "./claim.ts";
import { askUdp } from "./dns-client.ts";

const group = "first address";
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Waits until a user's lookup gives the server that has the lowest load, and says which. */
async function lowestAnswered(
  scene: Scene,
  hostname: string,
  network: string,
): Promise<{ readonly address: string; readonly loads: string }> {
  const { value } = await until(`the lowest load of ${hostname}`, MOVE_MS, async () => {
    const explained = await scene.explain(hostname, network);
    const lowest = lowestOf(explained);
    const address = await scene.user(network).lookup(hostname);
    const loads = loadsOf(explained);
    expectThat(address === lowest.v4, `${placed(address)} answered; loads: ${loads}`);
    expectThat(address === explained.answer.v4, `explain says ${explained.answer.v4}`);
    return { address, loads };
  });
  return value;
}

const LEAST_LOADED: Claim = {
  group,
  words: "a delegated name is answered with its least-loaded web server, which serves the page",
  async run(scene) {
    await until("fra at rest", MOVE_MS, async () => {
      const address = await scene.user("berlin").lookup(SHOP.hostname);
      return expectThat(address === SHOP.origins[0]!.v4, `answered ${placed(address)}`);
    });
    const { address, loads } = await lowestAnswered(scene, SHOP.hostname, "berlin");
    const page = await scene.visit(scene.user("berlin"), scene.pageUrl(SHOP.hostname));
    const from = page.headers.get("x-server");
    expectThat(page.status === 200 && page.address === address, `page: ${page.status}`);
    return `${SHOP.hostname} is ${placed(address)}, page by ${from}; loads ${loads}`;
  },
};

const NO_CACHE_BETWEEN: Claim = {
  group,
  words:
    "the user talks to that server itself: its own certificate, every method, no cache between",
  async run(scene) {
    const berlin = scene.user("berlin");
    const address = await berlin.lookup(SHOP.hostname);
    const place = SHOP.origins.find((o) => o.v4 === address);
    const server = scene.origin(`shop/${place?.name}`);
    const url = `https://${SHOP.hostname}:${scene.stage.ports.https}/echo`;
    const tls = { ca: server.certificate, serverName: SHOP.hostname };
    const answered: string[] = [];
    for (const method of METHODS) {
      const got = await scene.fetchAt(address, url, { method, tls });
      const by = got.headers.get("x-server");
      const between = got.headers.get("via") ?? got.headers.get("cache-status");
      expectThat(
        got.status === 200 && by === server.name && between === null,
        `${method}: ${got.status} by ${by}, Via or Cache-Status ${between}`,
      );
      answered.push(method);
    }
    const logged = server.visits({ path: "/echo" }).map((line) => line.method);
    expectThat(logged.join() === answered.join(), `its log has ${logged.join()}`);
    const others = await Promise.allSettled(
      NODES.map((node) => scene.fetchAt(node.v4, url, { tls })),
    );
    expectThat(
      others.every((one) => one.status === "rejected"),
      "a cache of ours showed the customer's certificate",
    );
    return `${answered.join(", ")} over HTTPS at ${placed(address)}, in its log; neither Via nor Cache-Status; no cache shows that certificate`;
  },
};

const MOVES: Claim = {
  group,
  words: "after its load is raised another one is answered",
  async run(scene) {
    const before = await lowestAnswered(scene, SHOP.hostname, "berlin");
    const [loaded] = SHOP.origins.filter((o) => o.v4 === before.address);
    scene.origin(`shop/${loaded?.name}`).reporter?.machine.set({ cpu: 0.95 });
    const { tookMs } = await until("another answer", MOVE_MS, async () => {
      const address = await scene.user("berlin").lookup(SHOP.hostname);
      return expectThat(address !== before.address, `still ${placed(address)}`);
    });
    const after = await lowestAnswered(scene, SHOP.hostname, "berlin");
    return `${placed(before.address)} to ${placed(after.address)} after ${seconds(tookMs)}; loads ${after.loads}`;
  },
};

const CNAME_AND_HOSTED: Claim = {
  group,
  words: "names also come by CNAME to a 128-bit target, and by a zone that we hold",
  async run(scene) {
    const { ports, targets } = scene.stage;
    const target = targets.get(NEWS.hostname) ?? "";
    expectThat(/^[0-9a-f]{32}\.gtm\./.test(target), `the target is ${target}`);
    const byCname = await scene.user("boston").lookup(NEWS.hostname);
    expectThat(
      NEWS.origins.some((o) => o.v4 === byCname),
      `${NEWS.hostname} gave ${byCname}`,
    );
    const txt = await askUdp("127.0.0.1", ports.dns, {
      name: PAPER_ZONE,
      type: TYPE.TXT,
      subnet: null,
    });
    expectThat(
      txt.authoritative && txt.answers.length === 1,
      `${PAPER_ZONE} TXT: rcode ${txt.rcode}, ${txt.answers.length} records`,
    );
    const hosted = await scene.user("boston").lookup(PAPER_HOSTNAME);
    return `${NEWS.hostname} by ${target} is ${byCname}; ${PAPER_HOSTNAME} in ${PAPER_ZONE} is ${hosted}`;
  },
};

const DELEGATION: Claim = {
  group,
  words: "a delegated hostname is a zone with our name servers, and strangers' names are refused",
  async run(scene) {
    const { dns } = scene.stage.ports;
    const ask = (name: string, type: number) =>
      askUdp("127.0.0.1", dns, { name, type, subnet: null });
    const ns = await ask(SHOP.hostname, TYPE.NS);
    const names = ns.answers.filter((r) => r.type === TYPE.NS).map((r) => nameOf(r.data));
    expectThat(names.length >= 2 && ns.authoritative, `NS: ${names.join(", ") || ns.rcode}`);
    const soa = await ask(SHOP.hostname, TYPE.SOA);
    expectThat(
      soa.answers.some((r) => r.type === TYPE.SOA),
      `SOA: rcode ${soa.rcode}`,
    );
    const stranger = await ask("www.elsewhere.example", TYPE.A);
    expectThat(stranger.rcode === RCODE.REFUSED, `a stranger's name: rcode ${stranger.rcode}`);
    const missing = await ask(`nothing.${ZONE}`, TYPE.A);
    expectThat(missing.rcode === RCODE.NXDOMAIN, `a missing name: rcode ${missing.rcode}`);
    return `NS ${names.join(" and ")}, SOA there; a stranger's name is REFUSED, a missing one NXDOMAIN`;
  },
};

const NO_REPORTS: Claim = {
  group,
  words: "a pool without any report is steered by response time",
  async run(scene) {
    const slow = async (quick: string) => {
      for (const origin of NEWS.origins)
        scene.origin(`news/${origin.name}`).web.delayMs = origin.name === quick ? 5 : 300;
      const address = NEWS.origins.find((o) => o.name === quick)?.v4;
      return until(`the quick server ${quick}`, MOVE_MS, async () => {
        const explained = await scene.explain(NEWS.hostname, "boston");
        const got = await scene.user("boston").lookup(NEWS.hostname);
        const kinds = new Set(
          (explained.decision?.reasons ?? []).flatMap((c) => c.sources.map((s) => s.kind)),
        );
        expectThat(got === address, `${got} answered; loads: ${loadsOf(explained)}`);
        expectThat([...kinds].join() === "http", `sources: ${[...kinds].join()}`);
        return loadsOf(explained);
      });
    };
    const first = await slow("hkg");
    const second = await slow("chi");
    return `hkg while it is quick (${first.value}), then chi after ${seconds(second.tookMs)} (${second.value}); no other source`;
  },
};

export const FIRST_ADDRESS: readonly Claim[] = [
  LEAST_LOADED,
  NO_CACHE_BETWEEN,
  MOVES,
  NO_REPORTS,
  CNAME_AND_HOSTED,
  DELEGATION,
];
