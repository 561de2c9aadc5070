import { createHash } from "node:crypto";
import type { CertificateRow, CertificateState } from "../model/api/mod.ts";
import type { EdgeCertificate } from "../model/certificate.ts";
import { coversHost } from "../policy/certificates/mod.ts";
import type { StoredCertificate } from "../store/certificates.ts";
import { type CertificateFacts, factsOfPem } from "./certificate-read.ts";

/** One that ends within so long is told of, and no reason not to obtain another. */
export const EXPIRING_DAYS = 21;
export const DAY_MS = 86_400_000;
/** Names of certificates that were obtained, not uploaded, begin so. */
export const OBTAINED = "acme_";

/** A certificate as it is stored, with what it says and what caches are given of it. */
export interface Kept {
  readonly stored: StoredCertificate;
  readonly facts: CertificateFacts;
  readonly edge: Omit<EdgeCertificate, "key">;
}

export function obtainedName(host: string): string {
  return `${OBTAINED}${host}`;
}

export function isObtained(name: string): boolean {
  return name.startsWith(OBTAINED);
}

/** A certificate has one key: what is said of it says enough. */
function idOf({ customer, name, cert }: StoredCertificate): string {
  const whole = JSON.stringify([customer, name, cert]);
  return createHash("sha256").update(whole).digest("hex").slice(0, 32);
}

export function keptOf(stored: StoredCertificate): Kept {
  const facts = factsOfPem(stored.cert);
  const { customer, name, cert } = stored;
  const { names, notBeforeMs, notAfterMs } = facts;
  const edge = { id: idOf(stored), customer, name, names, notBeforeMs, notAfterMs, cert };
  return { stored, facts, edge };
}

export function rowOf(
  { stored, facts }: Kept,
  o: {
    readonly nowMs: number;
    readonly answers: readonly string[];
    /** The customer's own hosts. */
    readonly known: readonly string[];
  },
): CertificateRow {
  const { names, issuer, keyKind, serial, fingerprint, notBeforeMs, notAfterMs } = facts;
  const daysLeft = Math.floor((notAfterMs - o.nowMs) / DAY_MS);
  return {
    ...{ name: stored.name, kind: isObtained(stored.name) ? "obtained" : "uploaded" },
    ...{ state: stateOf(facts, o.nowMs), names: [...names] },
    ...{ answers: [...o.answers], issuer, keyKind, serial, fingerprint },
    ...{ notBefore: isoOf(notBeforeMs), notAfter: isoOf(notAfterMs), daysLeft },
    warnings: warningsOf(facts, o),
    addedAt: isoOf(stored.addedMs),
  };
}

export function stateOf(facts: CertificateFacts, nowMs: number): CertificateState {
  if (facts.notAfterMs <= nowMs) return "expired";
  if (facts.notBeforeMs > nowMs) return "not-yet";
  return facts.notAfterMs - nowMs < EXPIRING_DAYS * DAY_MS ? "expiring" : "valid";
}

function warningsOf(
  facts: CertificateFacts,
  o: {
    readonly nowMs: number;
    readonly answers: readonly string[];
    readonly known: readonly string[];
  },
): string[] {
  const { names, notBeforeMs, notAfterMs } = facts;
  const state = stateOf(facts, o.nowMs);
  const warnings: string[] = [];
  const days = Math.floor((notAfterMs - o.nowMs) / DAY_MS);
  const left = days === 1 ? "1 day" : `${days} days`;
  if (state === "expired") warnings.push(`It ended at ${minuteOf(notAfterMs)}: browsers refuse it`);
  if (state === "expiring") warnings.push(`It ends in ${left}: add the one that follows it`);
  if (state === "not-yet") warnings.push(`It is not valid before ${minuteOf(notBeforeMs)}`);
  if (facts.isSelfSigned) warnings.push("It is its own issuer: no browser trusts it");
  else if (facts.chain === 1) {
    warnings.push("The certificates that lead to its issuer are not in the file");
  }
  const unused = names.filter((name) => !o.known.some((host) => coversHost(name, host)));
  if (unused.length > 0) warnings.push(`Not a site of yours: ${unused.slice(0, 5).join(", ")}`);
  if (o.answers.length === 0) {
    warnings.push("No cache shows it: its names lead to web servers, or have another certificate");
  }
  return warnings;
}

/** For people. @example minuteOf(0) // "1970-01-01 00:00 UTC" */
function minuteOf(ms: number): string {
  return `${isoOf(ms).slice(0, 16).replace("T", " ")} UTC`;
}

export function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
