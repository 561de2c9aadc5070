import type { LoadSourceKind } from "../../../model/health.ts";
import { SHOP, ZONE } from "../layout.ts";
import type { Reporter } from "../origin/origin.ts";
import { expectThat, until } from "../wait.ts";
import { type Claim, candidateOf, MOVE_MS, placed, type Scene, seconds } from "./claim.ts";

const group = "load";

interface Worsening {
  readonly kind: LoadSourceKind;
  readonly words: string;
  apply(reporter: Reporter): void;
}

const WORSENINGS: readonly Worsening[] = [
  {
    kind: "ftp",
    words: "FTP response 700 ms later",
    apply: (reporter) => {
      reporter.ftpDelayMs = 700;
    },
  },
  {
    kind: "cpu",
    words: "CPU 97 % busy",
    apply: (reporter) => reporter.machine.set({ cpu: 0.97 }),
  },
  {
    kind: "memory",
    words: "memory 99 % used",
    apply: (reporter) => reporter.machine.set({ memory: 0.99 }),
  },
];

/** Of the most that its network card says it carries. */
const BANDWIDTH: Worsening = {
  kind: "network",
  words: "120 MB/s of 125 sent",
  apply: (reporter) => reporter.machine.set({ networkBytesPerSec: 120e6 }),
};

interface Target {
  /** The name looked up, from berlin. */
  readonly name: string;
  readonly candidate: string;
  readonly address: string;
  readonly reporterOf: (scene: Scene) => Reporter | null | undefined;
}

const ORIGIN: Target = {
  name: SHOP.hostname,
  candidate: "fra",
  address: SHOP.origins[0]!.v4,
  reporterOf: (scene) => scene.origin("shop/fra").reporter,
};

const CACHE: Target = {
  name: `c.${ZONE}`,
  candidate: "fra-1",
  address: "127.11.1.1",
  reporterOf: (scene) => scene.stage.world.nodes.get("fra-1"),
};

async function movesAnswer(scene: Scene, target: Target, worse: Worsening): Promise<string> {
  const berlin = scene.user("berlin");
  await until(`${target.candidate} answered at rest`, MOVE_MS, async () => {
    const address = await berlin.lookup(target.name);
    return expectThat(address === target.address, `${placed(address)} answered`);
  });
  const reporter = target.reporterOf(scene);
  if (reporter == null) throw new Error(`${target.candidate} reports nothing`);
  worse.apply(reporter);
  const { value, tookMs } = await until("another answer", MOVE_MS, async () => {
    const address = await berlin.lookup(target.name);
    const explained = await scene.explain(target.name, "berlin");
    const left = candidateOf(explained, target.candidate);
    expectThat(
      address !== target.address,
      `still ${placed(address)}, load ${left.load.toFixed(2)}`,
    );
    expectThat(left.loadFrom === worse.kind, `explain names ${left.loadFrom}`);
    expectThat(explained.answer.v4 === address, `explain answers ${explained.answer.v4}`);
    const detail = left.sources.find((s) => s.kind === worse.kind)?.detail ?? "";
    return { address, why: `${left.loadFrom} ${left.load.toFixed(2)}: ${detail}` };
  });
  return `${worse.words} at ${target.candidate}: ${placed(value.address)} is answered after ${seconds(tookMs)}; explain: ${value.why}`;
}

function claimFor(
  target: Target,
  of: string,
  worsenings: readonly Worsening[] = WORSENINGS,
): readonly Claim[] {
  return worsenings.map((worse) => ({
    group,
    words: `worse ${worse.kind} of ${of} moves an answer, and explain names it`,
    run: (scene) => movesAnswer(scene, target, worse),
  }));
}

export const LOAD_SOURCES: readonly Claim[] = [
  ...claimFor(ORIGIN, "a web server"),
  ...claimFor(CACHE, "a cache", [...WORSENINGS, BANDWIDTH]),
];
