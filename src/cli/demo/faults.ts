import type { Clock } from "../../base/clock.ts";
import { restCpu, type World } from "./world.ts";

const TICK_MS = 1000;
const SLOW_EVERY_MS = 80_000;
const SLOW_FOR_MS = 25_000;
const SLOW_DELAY_MS = 350;
const DEAD_EVERY_MS = 130_000;
const DEAD_FOR_MS = 25_000;
const DEAD_FIRST_MS = 60_000;
/** Half height of the slow wave on reported CPU, so that loads cross now and then. */
const WAVE = 0.25;
const WAVE_MS = 45_000;

export interface Faults {
  stop(): Promise<void>;
}

/**
 * What happens by itself: reported CPU comes and goes in waves, one origin becomes slow and one
 * dies now and then, and both recover. What a person set by a command is left alone.
 */
export function startFaults(o: {
  readonly world: World;
  readonly clock: Clock;
  /** Ids (`shop/fra`) that a person has set something of. */
  readonly held: ReadonlySet<string>;
  readonly say: (line: string) => void;
}): Faults {
  const beganMs = o.clock.monoMs();
  let slow = false;
  let dead = false;
  let working = false;
  const tick = async () => {
    const sinceMs = o.clock.monoMs() - beganMs;
    waves(o.world, o.held, sinceMs);
    const slowNow = sinceMs % SLOW_EVERY_MS > SLOW_EVERY_MS - SLOW_FOR_MS;
    if (slowNow !== slow) {
      slow = slowNow;
      setSlow(o, slowNow);
    }
    const deadNow =
      sinceMs > DEAD_FIRST_MS && (sinceMs - DEAD_FIRST_MS) % DEAD_EVERY_MS < DEAD_FOR_MS;
    if (deadNow !== dead) {
      dead = deadNow;
      await setDead(o, deadNow);
    }
  };
  const timer = setInterval(() => {
    if (working) return;
    working = true;
    tick().finally(() => {
      working = false;
    });
  }, TICK_MS);
  return {
    async stop() {
      clearInterval(timer);
    },
  };
}

function waves(world: World, held: ReadonlySet<string>, sinceMs: number): void {
  let turn = 0;
  for (const [id, origin] of world.origins) {
    const phase = (sinceMs / WAVE_MS + turn++ / 3) * 2 * Math.PI;
    if (origin.reporter === null || held.has(id)) continue;
    const cpu = restCpu(id) + WAVE * Math.sin(phase);
    origin.reporter.machine.set({ cpu: Math.min(0.95, Math.max(0.03, cpu)) });
  }
}

const SLOW_ORIGIN = "news/ams";
const DEAD_ORIGIN = "shop/nyc";

interface Scene {
  readonly world: World;
  readonly held: ReadonlySet<string>;
  readonly say: (line: string) => void;
}

function setSlow(o: Scene, slow: boolean): void {
  const origin = o.world.origins.get(SLOW_ORIGIN);
  if (origin === undefined || o.held.has(SLOW_ORIGIN)) return;
  origin.web.delayMs = slow ? SLOW_DELAY_MS : 5;
  o.say(`${SLOW_ORIGIN} ${slow ? `answers ${SLOW_DELAY_MS} ms late` : "is quick again"}`);
}

async function setDead(o: Scene, dead: boolean): Promise<void> {
  const origin = o.world.origins.get(DEAD_ORIGIN);
  if (origin === undefined || o.held.has(DEAD_ORIGIN)) return;
  if (dead) await origin.kill();
  else origin.revive();
  o.say(`${DEAD_ORIGIN} ${dead ? "has died" : "is alive again"}`);
}
