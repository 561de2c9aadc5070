const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

const IMF = /^[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const RFC850 = /^[A-Z][a-z]{5,8}, (\d{2})-([A-Z][a-z]{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2}) GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) ([ \d]\d) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/;

/**
 * An HTTP-date in any of its three forms (RFC 9110 5.6.7), as milliseconds since the epoch; null
 * when it is none. `nowMs` settles the century of a two-digit year: one that would lie more than
 * 50 years ahead is in the past.
 *
 * @example parseHttpDate("Sun, 06 Nov 1994 08:49:37 GMT", 0) // 784111777000
 */
export function parseHttpDate(text: string, nowMs: number): number | null {
  const imf = IMF.exec(text);
  if (imf !== null) {
    const [, day, month, year, h, m, s] = imf;
    return toMs({ year: Number(year), month: month!, day: day! }, [h!, m!, s!]);
  }
  const old = RFC850.exec(text);
  if (old !== null) {
    const [, day, month, short, h, m, s] = old;
    const nowYear = new Date(nowMs).getUTCFullYear();
    let year = Math.floor(nowYear / 100) * 100 + Number(short);
    if (year > nowYear + 50) year -= 100;
    return toMs({ year, month: month!, day: day! }, [h!, m!, s!]);
  }
  const asc = ASCTIME.exec(text);
  if (asc === null) return null;
  const [, month, day, h, m, s, year] = asc;
  return toMs({ year: Number(year), month: month!, day: day!.trim() }, [h!, m!, s!]);
}

function toMs(
  date: { readonly year: number; readonly month: string; readonly day: string },
  [h, m, s]: readonly [string, string, string],
): number | null {
  const month = MONTHS.indexOf(date.month);
  const [hour, minute, second] = [Number(h), Number(m), Number(s)];
  // 60 is a leap second: the grammar allows it, and it is counted as the next one.
  if (month < 0 || hour > 23 || minute > 59 || second > 60) return null;
  const at = new Date(0);
  at.setUTCFullYear(date.year, month, Number(date.day));
  if (at.getUTCDate() !== Number(date.day) || at.getUTCMonth() !== month) return null;
  return at.getTime() + ((hour * 60 + minute) * 60 + second) * 1000;
}

/**
 * The preferred form, IMF-fixdate.
 *
 * @example formatHttpDate(784111777000) // "Sun, 06 Nov 1994 08:49:37 GMT"
 */
export function formatHttpDate(ms: number): string {
  const at = new Date(ms);
  const two = (n: number) => String(n).padStart(2, "0");
  const date = `${two(at.getUTCDate())} ${MONTHS[at.getUTCMonth()]} ${String(at.getUTCFullYear()).padStart(4, "0")}`;
  const time = `${two(at.getUTCHours())}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())}`;
  return `${DAYS[at.getUTCDay()]}, ${date} ${time} GMT`;
}
