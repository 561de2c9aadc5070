import type { Stage } from "../stage.ts";
import { BILLING, readBaseline } from "./billing.ts";
import { type Claim, Scene, seconds } from "./claim.ts";
import { FAILURE } from "./failure.ts";
import { FIRST_ADDRESS } from "./first-address.ts";
import { LOAD_SOURCES } from "./load-source.ts";
import { NODE } from "./node.ts";
import { PORTAL, PORTAL_AFTER_BILLING } from "./portal.ts";
import { PORTAL_SITE } from "./portal-site.ts";
import { SECOND_ADDRESS } from "./second-address.ts";
import { TENANTS } from "./tenant.ts";

/** In the order of the contract; billing last, for it counts what all the others received. */
const CLAIMS: readonly Claim[] = [
  ...FIRST_ADDRESS,
  ...LOAD_SOURCES,
  ...SECOND_ADDRESS,
  ...FAILURE,
  ...TENANTS,
  ...NODE,
  ...PORTAL,
  ...PORTAL_SITE,
  ...BILLING,
  ...PORTAL_AFTER_BILLING,
];

export interface ClaimResult {
  readonly group: string;
  readonly words: string;
  readonly passed: boolean;
  /** The evidence, or what was seen instead. */
  readonly seen: string;
  readonly tookMs: number;
}

export interface CheckResults {
  readonly passed: number;
  readonly failed: number;
  readonly tookMs: number;
  readonly claims: readonly ClaimResult[];
}

/** Runs the claims one after the other and says a line for each. */
export async function runChecks(
  stage: Stage,
  o: { readonly say: (line: string) => void; readonly only?: string },
): Promise<CheckResults> {
  const scene = new Scene(stage);
  const beganMs = performance.now();
  const claims: ClaimResult[] = [];
  scene.baseline = await readBaseline(scene);
  for (const claim of CLAIMS) {
    const named = `${claim.group}: ${claim.words}`;
    if (o.only !== undefined && !named.toLowerCase().includes(o.only.toLowerCase())) continue;
    stage.world.calm();
    const result = await runClaim(claim, scene);
    claims.push(result);
    const mark = result.passed ? "PASS" : "FAIL";
    o.say(`${mark}  ${named}: ${result.seen} [${seconds(result.tookMs)}]`);
  }
  stage.world.calm();
  const failed = claims.filter((c) => !c.passed).length;
  const tookMs = Math.round(performance.now() - beganMs);
  o.say(`${claims.length - failed} passed, ${failed} failed in ${seconds(tookMs)}`);
  return { passed: claims.length - failed, failed, tookMs, claims };
}

async function runClaim(claim: Claim, scene: Scene): Promise<ClaimResult> {
  const { group, words } = claim;
  const beganMs = performance.now();
  const outcome = await claim.run(scene).then(
    (seen) => ({ passed: true, seen }),
    (cause: unknown) => ({
      passed: false,
      seen: cause instanceof Error ? cause.message : String(cause),
    }),
  );
  return { group, words, ...outcome, tookMs: Math.round(performance.now() - beganMs) };
}
