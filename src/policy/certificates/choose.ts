import type { EdgeCertificate } from "../../model/certificate.ts";

/** What the choice looks at. */
export type Held = Pick<
  EdgeCertificate,
  "id" | "customer" | "names" | "notBeforeMs" | "notAfterMs"
>;

/**
 * Whether a certificate's name is that host's: the same, or `*` for exactly its first label
 * (RFC 9525 6.3). Both lower case.
 *
 * @example coversHost("*.shop.example", "www.shop.example") // true
 */
export function coversHost(name: string, host: string): boolean {
  return name === host || (name.startsWith("*.") && name.slice(1) === afterFirstLabel(host));
}

/** The names that cover a host, the host itself first: as `coversHost()` has it. */
export function coveringNames(host: string): readonly string[] {
  return [host, `*${afterFirstLabel(host)}`];
}

/**
 * The certificate for each host that has one of its own customer's: one that is valid now before one
 * that is not, the name itself before a wildcard, the one that ends last, that began last, the lowest id.
 * One that has ended is still shown where there is no better one: its owner's users then see why.
 *
 * @param hosts host name -> customer
 */
export function chooseCertificates<H extends Held>(
  hosts: Iterable<readonly [host: string, customer: string]>,
  held: readonly H[],
  nowMs: number,
): ReadonlyMap<string, H> {
  const byName = new Map<string, H>();
  for (const one of held) {
    for (const name of one.names) {
      const key = `${one.customer} ${name}`;
      const other = byName.get(key);
      if (other === undefined || isBetter(one, other, nowMs)) byName.set(key, one);
    }
  }
  const chosen = new Map<string, H>();
  for (const [host, customer] of hosts) {
    const exact = byName.get(`${customer} ${host}`);
    const wild = byName.get(`${customer} *${afterFirstLabel(host)}`);
    const preferWild = wild !== undefined && isValid(wild, nowMs) && !isValidOne(exact, nowMs);
    const one = preferWild ? wild : (exact ?? wild);
    if (one !== undefined) chosen.set(host, one);
  }
  return chosen;
}

function isBetter(one: Held, other: Held, nowMs: number): boolean {
  const valid = Number(isValid(one, nowMs)) - Number(isValid(other, nowMs));
  if (valid !== 0) return valid > 0;
  if (one.notAfterMs !== other.notAfterMs) return one.notAfterMs > other.notAfterMs;
  if (one.notBeforeMs !== other.notBeforeMs) return one.notBeforeMs > other.notBeforeMs;
  return one.id < other.id;
}

function isValidOne(one: Held | undefined, nowMs: number): boolean {
  return one !== undefined && isValid(one, nowMs);
}

function isValid({ notBeforeMs, notAfterMs }: Held, nowMs: number): boolean {
  return notBeforeMs <= nowMs && nowMs < notAfterMs;
}

/** With its dot; "" where there is one label only. */
function afterFirstLabel(host: string): string {
  const dot = host.indexOf(".");
  return dot < 0 ? "" : host.slice(dot);
}
