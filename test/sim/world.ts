import { type Rng, seededRng } from "../../src/base/rng.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { distanceKm, type Place, rttOfDistance } from "../../src/policy/steering/distance.ts";
import { snapshotOf } from "../fixtures/network.ts";

export interface WorldSize {
  readonly seed: number;
  readonly pops: number;
  readonly nodesPerPop: number;
  readonly groups: number;
  readonly origins: number;
  /** Resolvers of the smallest client group. */
  readonly resolvers: number;
  /** Demand of an average second over all capacity. */
  readonly use: number;
  readonly ttlSec: number;
  /** The site's, where it is not the preset. */
  readonly steering?: unknown;
}

/** A made-up planet: places with caches, client groups around them, and who asks how much. */
export interface World {
  readonly size: WorldSize;
  readonly snapshot: Snapshot;
  /** By client group (0 is `default`, which nobody is in): resolvers that ask for it. */
  readonly resolvers: readonly number[];
  /** By client group: requests a second at an average hour, in lookups a second. */
  readonly traffic: readonly number[];
}

/** Where people live, roughly: the middle of a region, its spread in degrees, its share. */
const REGIONS: readonly (readonly [lat: number, lon: number, spread: number, share: number])[] = [
  [50, 10, 8, 0.24],
  [40, -95, 14, 0.22],
  [25, 80, 9, 0.16],
  [35, 115, 11, 0.16],
  [-15, -52, 10, 0.1],
  [5, 20, 15, 0.07],
  [-30, 145, 7, 0.05],
];

export function buildWorld(size: WorldSize): World {
  const rng = seededRng(size.seed);
  const pops = Array.from({ length: size.pops }, () => somewhere(rng));
  const homes = Array.from({ length: size.groups }, () => somewhere(rng));
  const resolvers = homes.map(() => {
    return Math.round((size.resolvers * (1 + 1 / Math.max(rng.float(), 0.03))) / 2);
  });
  const asking = resolvers.reduce((a, b) => a + b, 0) / size.ttlSec;
  const nodes = size.pops * size.nodesPerPop;
  const sizes = Array.from({ length: nodes }, () => 0.5 + rng.float());
  const unit = asking / size.use / sizes.reduce((a, b) => a + b, 0);
  const file = {
    zone: "cdn.example",
    allowPrivateOrigins: true,
    ttlSec: size.ttlSec,
    pops: pops.map((place, i) => ({ name: `pop-${i}`, ...place })),
    nodes: sizes.map((share, i) => ({
      name: `node-${i}`,
      pop: `pop-${i % size.pops}`,
      roles: ["edge", "dns"],
      addresses: { v4: `10.200.${i >> 8}.${i & 255}` },
      capacity: share * unit,
    })),
    clientGroups: homes.map((home, g) => ({
      name: `group-${g}`,
      prefixes: [`11.${g >> 8}.${g & 255}.0/24`],
      rttMs: Object.fromEntries(pops.map((pop, i) => [`pop-${i}`, roundTrip(rng, home, pop)])),
    })),
    plans: [{ name: "flat", title: "Flat", currency: "EUR", kind: "fixed", monthly: "10.00" }],
    customers: [
      {
        name: "shop",
        plan: "flat",
        sites: [
          {
            hostname: "www.shop.example",
            ttlSec: size.ttlSec,
            ...(size.steering === undefined ? {} : { steering: size.steering }),
            origins: Array.from({ length: size.origins }, (_, i) => ({
              name: `origin-${i}`,
              v4: `10.201.0.${i + 1}`,
              capacity: asking / size.use / size.origins,
            })),
          },
        ],
      },
    ],
  };
  const traffic = [0, ...resolvers.map((n) => n / size.ttlSec)];
  return { size, snapshot: snapshotOf(file), resolvers: [0, ...resolvers], traffic };
}

function somewhere(rng: Rng): Place {
  const at = rng.float();
  let below = 0;
  const region = REGIONS.find(([, , , share]) => {
    below += share;
    return at < below;
  });
  const [lat, lon, spread] = region ?? REGIONS[0]!;
  const near = () => (rng.float() + rng.float() + rng.float() - 1.5) * spread;
  return { lat: Math.max(-89, Math.min(89, lat + near())), lon: lon + near() };
}

/** Distance, detours of a path's own, and the last mile. */
function roundTrip(rng: Rng, a: Place, b: Place): number {
  const detour = 0.85 + 0.7 * rng.float() * rng.float();
  return Math.round((rttOfDistance(distanceKm(a, b)) * detour + 6 * rng.float()) * 10) / 10;
}
