// Where people are and how far it is: recorded cities where a folder has them, made-up ones otherwise.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Rng, seededRng } from "../src/base/rng.ts";
import { distanceKm, rttOfDistance } from "../src/policy/steering/mod.ts";

export interface Planet {
  readonly source: string;
  readonly pops: readonly { readonly lat: number; readonly lon: number }[];
  readonly groups: readonly { readonly lat: number; readonly lon: number }[];
  readonly demand: Float64Array;
  /** Group by pop, ms. */
  readonly rttMs: readonly Float64Array[];
}

interface City {
  readonly lat: number;
  readonly lon: number;
  readonly people: number;
  /** To the other cities, ms; NaN where it was not measured. */
  readonly rttMs: readonly number[];
}

/** @param folder with `cities.csv` (city,lat,lon,population) and `rtt-ms.csv`; "" makes one up */
export function readPlanet(
  folder: string,
  size: { readonly pops: number; readonly groups: number },
): Planet {
  const rng = seededRng(2026);
  const cities = folder === "" ? madeUp(rng) : recorded(folder);
  const byPeople = [...cities.keys()].sort((a, b) => cities[b]!.people - cities[a]!.people);
  // Every third of the largest places, so that pops do not all stand in one country.
  const chosen = byPeople.filter((_, i) => i % 3 === 0).slice(0, size.pops);
  const people = cities.reduce((sum, city) => sum + city.people, 0);
  const homes = Array.from({ length: size.groups }, () => {
    let left = rng.float() * people;
    const index = cities.findIndex((city) => {
      left -= city.people;
      return left < 0;
    });
    return Math.max(0, index);
  });
  const rttMs = homes.map((home) => {
    const lastMile = 2 + 12 * rng.float() * rng.float();
    return Float64Array.from(chosen, (pop) => {
      const way = rttBetween(cities, home, pop) * (0.95 + 0.15 * rng.float());
      return Math.round((way + lastMile) * 10) / 10;
    });
  });
  return {
    source: folder === "" ? "made-up cities" : "recorded round trips between cities",
    pops: chosen.map((c) => cities[c]!),
    groups: homes.map((home) => cities[home]!),
    demand: Float64Array.from(homes, () => 1 / Math.max(rng.float(), 0.02)),
    rttMs,
  };
}

function rttBetween(cities: readonly City[], a: number, b: number): number {
  if (a === b) return 1;
  const there = cities[a]!.rttMs[b] ?? Number.NaN;
  const back = cities[b]!.rttMs[a] ?? Number.NaN;
  const measured = Number.isNaN(there) ? back : there;
  if (!Number.isNaN(measured)) return measured;
  return rttOfDistance(distanceKm(cities[a]!, cities[b]!));
}

function recorded(folder: string): City[] {
  const lines = (name: string) => readFileSync(join(folder, name), "utf8").trim().split("\n");
  const rtts = lines("rtt-ms.csv")
    .slice(1)
    .map((line) => line.split(",").slice(1))
    .map((cells) => cells.map((cell) => (cell === "" ? Number.NaN : Number(cell))));
  return lines("cities.csv")
    .slice(1)
    .map((line, i) => {
      const [, lat, lon, people] = line.split(",");
      return { lat: Number(lat), lon: Number(lon), people: Number(people), rttMs: rtts[i] ?? [] };
    });
}

function madeUp(rng: Rng): City[] {
  return Array.from({ length: 180 }, () => ({
    lat: 110 * rng.float() - 45,
    lon: 360 * rng.float() - 180,
    people: 1e6 / Math.max(rng.float(), 0.02),
    rttMs: [],
  }));
}
