import { SHOP } from "../layout.ts";
import { expectThat, until } from "../wait.ts";
import { type Claim, candidateOf, MOVE_MS, placed, seconds } from "./claim.ts";

const group = "failure";
/** Longest time from one name server's new answer to every other's. */
const SPREAD_MS = 1000;

const KILLED: Claim = {
  group,
  words: "a web server killed: misses go to the next at once, and next answers avoid it",
  async run(scene) {
    const berlin = scene.user("berlin");
    const fra = scene.origin("shop/fra");
    await until("fra answered at rest", MOVE_MS, async () => {
      const address = await berlin.lookup(SHOP.hostname);
      return expectThat(address === fra.address, `${placed(address)} answered`);
    });
    await fra.kill();
    const beganMs = performance.now();
    const path = scene.freshPath("killed");
    const miss = await scene.visit(berlin, scene.cacheUrl(SHOP.hostname, path));
    const missMs = performance.now() - beganMs;
    const from = scene.askedFor(path).join();
    expectThat(miss.status === 200 && from !== "", `a miss right after: ${miss.status}`);
    const { value, tookMs } = await until("answers that avoid it", MOVE_MS, async () => {
      const address = await berlin.lookup(SHOP.hostname);
      const state = candidateOf(await scene.explain(SHOP.hostname, "berlin"), "fra");
      const why = state.verdicts.find((v) => !v.kept)?.detail ?? "";
      expectThat(address !== fra.address && state.state === "down", `${placed(address)} answered`);
      return { address, why };
    });
    // Each name server takes new health on its own, within moments of the first.
    const spread = await until("every network's answer to avoid it", SPREAD_MS, async () => {
      for (const user of scene.stage.users.values()) {
        const address = await user.lookup(SHOP.hostname);
        expectThat(address !== fra.address, `${user.network.name} was answered ${placed(address)}`);
      }
      return true;
    });
    const later = await scene.visit(berlin, scene.cacheUrl(SHOP.hostname, scene.freshPath("dead")));
    expectThat(later.status === 200, `a later miss: ${later.status}`);
    return `the miss right after came from ${from} in ${missMs.toFixed(0)} ms; ${placed(value.address)} answered after ${seconds(tookMs)}, in all networks ${spread.tookMs.toFixed(0)} ms later, explain: ${value.why}`;
  },
};

const BACK: Claim = {
  group,
  words: "when it is back it is answered again",
  async run(scene) {
    const { tookMs } = await until("fra answered again", MOVE_MS, async () => {
      const address = await scene.user("berlin").lookup(SHOP.hostname);
      return expectThat(address === SHOP.origins[0]!.v4, `${placed(address)} answered`);
    });
    return `${placed(SHOP.origins[0]!.v4)} answered ${seconds(tookMs)} after it came back`;
  },
};

export const FAILURE: readonly Claim[] = [KILLED, BACK];
