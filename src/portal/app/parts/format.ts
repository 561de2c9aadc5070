/** How numbers are shown to people. British English; times in the reader's own zone. */
const WHOLE = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const ONE = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });
const STEPS = ["", "k", "M", "G", "T", "P"];

/** Scaled by thousands: at most three digits and one letter. */
function scaled(value: number): [string, string] {
  let left = value;
  let step = 0;
  while (Math.abs(left) >= 999.5 && step < STEPS.length - 1) {
    left /= 1000;
    step++;
  }
  const shown = Math.abs(left) >= 99.5 || (step === 0 && Number.isInteger(left)) ? WHOLE : ONE;
  return [shown.format(left), STEPS[step] ?? ""];
}

/** @example formatCount(12_345) // "12.3k" */
export function formatCount(value: number): string {
  return scaled(value).join("");
}

/** Every digit, for bills. */
export function formatExact(value: number): string {
  return WHOLE.format(value);
}

/** @example formatNumber(1, "day") // "1 day"; formatNumber(1200, "day") // "1,200 days" */
export function formatNumber(value: number, what: string, more = `${what}s`): string {
  return `${WHOLE.format(value)} ${value === 1 ? what : more}`;
}

/** @example formatRate(3.27, "lookups") // "3.3 lookups/s" */
export function formatRate(perSec: number, what = ""): string {
  return `${formatCount(perSec)}${what === "" ? "" : ` ${what}`}/s`;
}

/** Decimal units, as bills have them. @example formatBytes(1_500_000) // "1.5 MB" */
export function formatBytes(bytes: number): string {
  const [text, step] = scaled(bytes);
  return `${text} ${step === "k" ? "kB" : `${step}B`}`;
}

/** Bits, as network people count. @example formatBandwidth(125_000) // "1 Mbit/s" */
export function formatBandwidth(bytesPerSec: number): string {
  const [text, step] = scaled(bytesPerSec * 8);
  return `${text} ${step === "k" ? "kbit" : `${step}bit`}/s`;
}

/** What is more than nothing is never shown as nothing. @example formatPercent(0.934) // "93.4 %" */
export function formatPercent(part: number | null): string {
  if (part === null) return "–";
  return part > 0 && part < 0.0005 ? "< 0.1 %" : `${ONE.format(part * 100)} %`;
}

/** Load: 0 idle, 1 at capacity. */
export function formatLoad(load: number | null): string {
  return load === null ? "–" : load.toFixed(2);
}

export function formatMs(ms: number | null): string {
  return ms === null ? "–" : `${ms < 10 ? ONE.format(ms) : WHOLE.format(ms)} ms`;
}

/** Thousands apart; every digit kept. @example formatDecimal("1204.55") // "1,204.55" */
export function formatDecimal(text: string): string {
  const [, sign = "", whole = "", rest = ""] = /^(-?)(\d+)(\.\d+)?$/.exec(text) ?? [];
  return whole === "" ? text : `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}${rest}`;
}

/** The ledger's amounts are decimal strings: shown digit by digit, never through a float. */
export function formatMoney(amount: string, currency: string): string {
  const [, sign = "", whole = "0", fraction = ""] = /^(-?)(\d+)\.?(\d*)$/.exec(amount) ?? [];
  const kept = fraction.replace(/0+$/, "").padEnd(2, "0");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${sign === "" ? "" : "−"}${grouped}.${kept} ${currency}`;
}

const MOMENT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

export function formatMoment(at: string | number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : MOMENT.format(date);
}

export function formatDay(at: string | number): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : DAY.format(date);
}

const MONTH = new Intl.DateTimeFormat("en-GB", { month: "long", year: "numeric", timeZone: "UTC" });

/** A month of bills, which is in UTC. @example formatMonth("2026-11") // "November 2026" */
export function formatMonth(month: string): string {
  const date = new Date(`${month}-01T00:00:00Z`);
  return Number.isNaN(date.getTime()) ? month : MONTH.format(date);
}

/** @example formatSpan(95_000) // "1 min 35 s" */
export function formatSpan(ms: number): string {
  const sec = Math.max(0, Math.round(ms / 1000));
  if (sec < 60) return `${sec} s`;
  if (sec < 3600) return `${Math.floor(sec / 60)} min ${sec % 60} s`;
  if (sec < 86_400) return `${Math.floor(sec / 3600)} h ${Math.floor((sec % 3600) / 60)} min`;
  return `${Math.floor(sec / 86_400)} d ${Math.floor((sec % 86_400) / 3600)} h`;
}
