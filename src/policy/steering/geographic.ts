import { byId, note, type Standing } from "./candidate.ts";
import { distanceKm, placeOf } from "./distance.ts";
import { type Filter, orderDecides } from "./filter.ts";

/**
 * Filter `geographic`: the nearest server on the globe first. A bias above 0 makes a server's
 * distance count as that many percent less, one below 0 divides it likewise, so that -50 doubles
 * it. Servers without a place come last; without a place of the client the order stays.
 */
export const geographic: Filter<"geographic"> = (left, step, client) => {
  const here = placeOf(client.group);
  if (here === null) {
    const detail = `clients of ${client.group.name} have no place`;
    for (const s of left) note(s, "geographic", true, ["no-place", detail]);
    return [...left];
  }
  orderDecides(left);
  const biases = new Map(step.bias);
  const distances = new Map<Standing, number>();
  for (const s of left) {
    const km = s.place === null ? Number.POSITIVE_INFINITY : distanceKm(here, s.place);
    distances.set(s, biased(km, biases.get(s.index) ?? 0));
  }
  const kmOf = (s: Standing) => distances.get(s) ?? Number.POSITIVE_INFINITY;
  const ordered = [...left].sort((a, b) => compare(kmOf(a), kmOf(b)) || byId(a, b));
  for (const [i, s] of ordered.entries()) {
    const bias = biases.get(s.index) ?? 0;
    const words = bias === 0 ? "" : ` with bias ${bias} %`;
    if (s.place === null) note(s, "geographic", true, ["no-place", "it has no place"]);
    else {
      const detail = `${kmOf(s).toFixed(0)} km${words}`;
      note(s, "geographic", true, [i === 0 ? "nearest" : "farther", detail]);
    }
  }
  return ordered;
};

function biased(km: number, bias: number): number {
  return bias >= 0 ? km * (1 - bias / 100) : km / (1 + bias / 100);
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
