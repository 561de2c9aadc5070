/** What one figure did over a run: its trend by a fit that a few noisy windows cannot bend. */
export interface Trend {
  /** From the first window to the last, by the median of all slopes between two (Theil and Sen). */
  readonly rise: number;
  /** One standard error of the rise, by the spread of the windows around the fit. */
  readonly errorOfRise: number;
}

/** Of what normally distributed values spread, so much is the median distance from the middle. */
const MEDIAN_OF_NORMAL = 0.6745;

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[half] ?? 0;
  return ((sorted[half - 1] ?? 0) + (sorted[half] ?? 0)) / 2;
}

/** @param values one a window, in order; at least three */
export function trendOf(values: readonly number[]): Trend {
  const slopes: number[] = [];
  for (let i = 0; i < values.length; i++) {
    for (let j = i + 1; j < values.length; j++) slopes.push((values[j]! - values[i]!) / (j - i));
  }
  const slope = median(slopes);
  const offsets = values.map((value, i) => value - slope * i);
  const middle = median(offsets);
  const spread = median(offsets.map((value) => Math.abs(value - middle))) / MEDIAN_OF_NORMAL;
  const errorOfRise = spread * Math.sqrt(12 / values.length);
  return { rise: slope * (values.length - 1), errorOfRise };
}

/** It goes up by more than is allowed, and by more than noise explains. */
export function rises(values: readonly number[], allowed: number): boolean {
  const { rise, errorOfRise } = trendOf(values);
  return rise > Math.max(allowed, 3 * errorOfRise);
}
