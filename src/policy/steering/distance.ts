/** A place on Earth, degrees. */
export interface Place {
  readonly lat: number;
  readonly lon: number;
}

const EARTH_KM = 6371;
/** Light in fibre goes 200 km a millisecond; paths are about half as long again; there and back. */
const KM_PER_RTT_MS = 200 / 1.5 / 2;
/** Last mile and switching, ms. */
const LEAST_RTT_MS = 4;

/**
 * Great-circle distance in km (haversine).
 *
 * @example distanceKm({ lat: 52.5, lon: 13.4 }, { lat: 40.7, lon: -74 }) // about 6385
 */
export function distanceKm(a: Place, b: Place): number {
  const rad = Math.PI / 180;
  const dLat = (b.lat - a.lat) * rad;
  const dLon = (b.lon - a.lon) * rad;
  const h =
    Math.sin(dLat / 2) ** 2 +
    Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_KM * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** The round trip that a distance suggests, ms: for where nothing is measured. */
export function rttOfDistance(km: number): number {
  return LEAST_RTT_MS + km / KM_PER_RTT_MS;
}

/** The place of something that may have none. */
export function placeOf(o: {
  readonly lat?: number | undefined;
  readonly lon?: number | undefined;
}): Place | null {
  return o.lat === undefined || o.lon === undefined ? null : { lat: o.lat, lon: o.lon };
}
