import { SHOP } from "../layout.ts";
import { expectThat, until } from "../wait.ts";
import { type Claim, candidateOf, MOVE_MS, placed, seconds } from "./claim.ts";

const group = "failure";

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
    for (const user of scene.stage.users.values()) {
      const address = await user.lookup(SHOP.hostname);
      expectThat(address !== fra.address, `${user.network.name} was answered ${placed(address)}`);
    }
    const later = await scene.visit(berlin, scene.cacheUrl(SHOP.hostname, scene.freshPath("dead")));
    expectThat(later.status === 200, `a later miss: ${later.status}`);
    return `the miss right after came from ${from} in ${missMs.toFixed(0)} ms; ${placed(value.address)} answered after ${seconds(tookMs)}, explain: ${value.why}`;
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
