import { createHash } from "node:crypto";
import { join } from "node:path";
import type { TierKey, TierKeySet } from "../model/tiers.ts";
import { readSealedCopy, writeSealedCopy } from "../store/sealed-copy.ts";
import { TIER_KEYS_COPY } from "../store/tier-keys-disk.ts";
import type { Deps } from "./deps.ts";
import { giveSecrets } from "./give-secrets.ts";

const SECRET_BYTES = 32;
/** Another key is made so often; the one before is believed until the next. */
const ROTATE_MS = 24 * 3600 * 1000;
const KEPT = 2;

/**
 * Makes the keys by which caches know each other's requests, and hands them to caches over the bus.
 * They are looked at whenever a cache asks, so nothing runs by itself. What cannot be read from before
 * is made anew: caches then ask web servers themselves until they have it.
 */
export async function mountTierKeys(o: {
  readonly dataDir: string;
  readonly deps: Pick<Deps, "bus" | "clock" | "rng" | "log" | "digestKey">;
}): Promise<{ stop(): void }> {
  const { clock, rng, log } = o.deps;
  const file = {
    path: join(o.dataDir, "tier-keys.sealed"),
    masterPath: join(o.dataDir, "tier-keys.secret"),
    rng,
  };
  let set: TierKeySet = (await readSealedCopy(file, TIER_KEYS_COPY)) ?? { digest: "", keys: [] };
  let keeping: Promise<void> = Promise.resolve();
  const rotate = (nowMs: number) => {
    const newest = set.keys.at(-1);
    if (newest !== undefined && nowMs - newest.madeMs < ROTATE_MS) return;
    const secret = Buffer.from(rng.bytes(SECRET_BYTES)).toString("base64");
    set = setOf([...set.keys, { madeMs: nowMs, secret }].slice(-KEPT));
    const made = set;
    keeping = keeping.then(() =>
      writeSealedCopy(file, TIER_KEYS_COPY, made).catch((fault: unknown) => {
        log.error("The keys of caches among themselves are not kept on disk", { fault });
      }),
    );
  };
  const unmount = giveSecrets("tier.keys", o.deps, async () => {
    rotate(clock.wallMs());
    await keeping;
    return set;
  });
  return { stop: unmount };
}

function setOf(keys: readonly TierKey[]): TierKeySet {
  return { digest: createHash("sha256").update(JSON.stringify(keys)).digest("hex"), keys };
}
