/** RFC 9111 1.2.2: what does not fit is taken as the greatest value that does. */
const DELTA_SEC_MAX = 2_147_483_648;

/**
 * A delta-seconds value (RFC 9111 1.2.2), with or without quotes. Null when it is not one.
 *
 * @example parseDeltaSec("3600") // 3600
 */
export function parseDeltaSec(text: string): number | null {
  const bare =
    text.length > 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  if (!/^\d+$/.test(bare)) return null;
  return Math.min(Number(bare), DELTA_SEC_MAX);
}
