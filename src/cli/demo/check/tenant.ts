import { NEWS, SHOP, ZONE } from "../layout.ts";
import { Content } from "../origin/page.ts";
import { expectThat, until } from "../wait.ts";
import { type Claim, MOVE_MS, placed, sameBytes } from "./claim.ts";

const OWN_BYTES: Claim = {
  group: "customers",
  words:
    "users of two customers look up the same c.<zone>, reach one cache, get each its own bytes",
  async run(scene) {
    const [berlin, vienna] = [scene.user("berlin"), scene.user("vienna")];
    const name = `c.${ZONE}`;
    const { value: address } = await until("one cache for both", MOVE_MS, async () => {
      const [a, b] = await Promise.all([berlin.lookup(name), vienna.lookup(name)]);
      expectThat(a === b, `berlin got ${placed(a)}, vienna ${placed(b)}`);
      return a;
    });
    const path = scene.freshPath("same-path");
    for (const round of ["miss", "hit"]) {
      const shop = await scene.visit(berlin, scene.cacheUrl(SHOP.hostname, path));
      const news = await scene.visit(vienna, scene.cacheUrl(NEWS.hostname, path));
      for (const [got, site] of [
        [shop, SHOP.hostname],
        [news, NEWS.hostname],
      ] as const) {
        expectThat(got.address === address, `${site} was served by ${placed(got.address)}`);
        const own = new Content(site).get(path)?.body ?? new Uint8Array();
        expectThat(
          got.status === 200 && sameBytes(got.body, own),
          `${round} of ${site}: other bytes`,
        );
      }
    }
    const resolvers = `${berlin.network.resolver} and ${vienna.network.resolver}`;
    return `resolvers ${resolvers}: ${name} is ${placed(address)} for both; ${path} differs, as a miss and as a hit`;
  },
};

const NO_STRANGERS: Claim = {
  group: "customers",
  words: "a member sees no other customer, and a cache serves no hostname that is nobody's",
  async run(scene) {
    const { shop } = scene.stage;
    const other = await shop.api.sites(NEWS.customer).then(
      () => 200,
      (cause: { status?: number }) => cause.status ?? 0,
    );
    expectThat(other === 404, `shop's member asking for news: ${other}`);
    const url = scene.cacheUrl("www.nobody.example", "/img/a.bin");
    const address = await scene.user("berlin").lookup(`c.${ZONE}`);
    const stranger = await scene.fetchAt(address, url);
    expectThat(stranger.status >= 400, `a stranger's hostname: ${stranger.status}`);
    return `the API answers ${other}, the cache ${stranger.status}`;
  },
};

export const TENANTS: readonly Claim[] = [OWN_BYTES, NO_STRANGERS];
