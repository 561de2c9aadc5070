import type { Clock } from "../../../base/clock.ts";
import type { Rng } from "../../../base/rng.ts";
import { NEWS, PAPER_HOSTNAME, type Ports, SHOP, ZONE } from "../layout.ts";
import { linksOf } from "../origin/page.ts";
import type { User } from "./stub.ts";

/** Counts since the start, for the demo's status line. */
export interface TrafficCounts {
  readonly pages: number;
  readonly objects: number;
  readonly failures: number;
}

export interface Traffic {
  counts(): TrafficCounts;
  stop(): Promise<void>;
}

const VISITS_AT_ONCE_MAX = 6;
const VISITS_PER_SEC_MAX = 4;
/** One simulated day, by which client networks are busy one after the other. */
const DAY_MS = 240_000;
const POPULAR_OBJECTS = 40;

/**
 * Background traffic: users of every client network look a page up, fetch it, and fetch what it
 * names, as browsers do. At most VISITS_PER_SEC_MAX visits a second in all, however fast the
 * answers are, and VISITS_AT_ONCE_MAX at once, however slow.
 */
export function startTraffic(o: {
  readonly users: readonly User[];
  readonly ports: Ports;
  readonly clock: Clock;
  readonly rng: Rng;
}): Traffic {
  const counts = { pages: 0, objects: 0, failures: 0 };
  const running = new Set<Promise<void>>();
  const tick = () => {
    if (running.size >= VISITS_AT_ONCE_MAX) return;
    const turn = Math.floor(o.rng.float() * o.users.length);
    const user = o.users[turn];
    if (user === undefined) return;
    const phase = (o.clock.monoMs() / DAY_MS + turn / o.users.length) * 2 * Math.PI;
    if (o.rng.float() > 0.6 + 0.4 * Math.sin(phase)) return;
    const visit = visitPage(user, o, counts).catch(() => {
      counts.failures++;
    });
    running.add(visit);
    visit.finally(() => running.delete(visit));
  };
  const timer = setInterval(tick, 1000 / VISITS_PER_SEC_MAX);
  return {
    counts: () => ({ ...counts }),
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}

async function visitPage(
  user: User,
  o: { readonly ports: Ports; readonly rng: Rng },
  counts: { pages: number; objects: number },
): Promise<void> {
  const draw = o.rng.float();
  const hostname = draw < 0.5 ? SHOP.hostname : draw < 0.85 ? NEWS.hostname : PAPER_HOSTNAME;
  const page = await user.visit(`http://${hostname}:${o.ports.http}/`);
  counts.pages++;
  const popular = Math.floor(o.rng.float() ** 3 * POPULAR_OBJECTS);
  const more = `http://c.${ZONE}:${o.ports.http}/${hostname}/img/item-${popular}.bin`;
  for (const url of [...linksOf(new TextDecoder().decode(page.body)), more]) {
    await user.visit(url);
    counts.objects++;
  }
}
