import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { ZoneKeysView } from "../model/api/mod.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { ZoneKey, ZoneKeyAlgorithm, ZoneKeySet } from "../model/zone-keys.ts";
import { compileNames } from "../policy/snapshot/mod.ts";
import type { StoredZoneKey, ZoneKeyStore } from "../store/zone-keys.ts";
import { encodeName } from "../wire/dns/mod.ts";
import { dnskeyData, dsData, keyTag, SECURE } from "../wire/dnssec/mod.ts";
import { makeZoneKey } from "./keys-make.ts";

const SEC = 1000;
/** Resolvers hold the old DNSKEY set for its TTL of an hour; name servers may lag a little. */
const PREPARED_MS = (3600 + 300) * SEC;
/** They hold the parent's DS for a day at most zones, and our records for their TTL. */
const DS_TTL_SEC = 86_400;
const SPARE_SEC = 3600;

/**
 * The keys of zones that the published snapshot has signed: made when first asked for, rolled in
 * steps. A zone that is signed no more keeps its keys, so that it can be signed again while its
 * parent still has the DS.
 */
export class ZoneKeyBook {
  readonly #store: ZoneKeyStore;
  readonly #clock: Clock;
  readonly #snapshot: () => Snapshot | null;
  /** What each name server asks for every other second. */
  #made: { readonly snapshot: Snapshot; readonly set: ZoneKeySet } | null = null;

  constructor(o: {
    readonly store: ZoneKeyStore;
    readonly clock: Clock;
    readonly snapshot: () => Snapshot | null;
  }) {
    this.#store = o.store;
    this.#clock = o.clock;
    this.#snapshot = o.snapshot;
  }

  /** All keys that name servers need. Makes those that are missing. */
  set(): ZoneKeySet {
    const snapshot = this.#snapshot();
    if (snapshot !== null && this.#made?.snapshot === snapshot) return this.#made.set;
    const signed = this.#signed();
    this.#ensure(signed);
    const keys = this.#store.list().filter((key) => signed.has(key.zone));
    const plain = keys.map(({ zone, algorithm, state, publicKey, privateKey }): ZoneKey => {
      return { zone, algorithm, state, publicKey, privateKey };
    });
    const digest = createHash("sha256").update(JSON.stringify(plain)).digest("hex");
    const set = { digest, keys: plain };
    this.#made = snapshot === null ? null : { snapshot, set };
    return set;
  }

  /** @throws Fault `not-found` when no published zone of this name is signed */
  view(zone: string): ZoneKeysView {
    const signed = this.#signed();
    if (!signed.has(zone)) {
      throw new Fault("not-found", `${zone}: no zone that is published with dnssec: true`);
    }
    this.#ensure(signed);
    const own = this.#store.list().filter((key) => key.zone === zone);
    const next = this.#next(zone, own);
    return {
      zone,
      ds: own.filter((key) => key.state === "active").map(dsLine),
      keys: own.map((key) => ({
        tag: keyTag(dnskeyOf(key)),
        algorithm: key.algorithm,
        state: key.state,
        since: new Date(key.changedMs).toISOString(),
        ds: dsLine(key),
      })),
      next: { step: next.step, notBefore: new Date(next.notBeforeMs).toISOString() },
    };
  }

  isSigned(zone: string): boolean {
    return this.#signed().has(zone);
  }

  /**
   * The next step of a roll: `prepare` publishes a new key, `activate` signs with it, `retire` takes
   * the old one away.
   *
   * @throws Fault `not-found`, or `conflict` when resolvers may still need what would go
   */
  roll(zone: string, early: boolean): ZoneKeysView {
    this.view(zone);
    const own = this.#store.list().filter((key) => key.zone === zone);
    const nowMs = this.#clock.wallMs();
    const { step, notBeforeMs } = this.#next(zone, own);
    if (nowMs < notBeforeMs && !early) {
      const when = new Date(notBeforeMs).toISOString();
      throw new Fault("conflict", `${step} of ${zone} is not safe before ${when}`);
    }
    const of = (state: string) => own.filter((key) => key.state === state);
    if (step === "prepare") {
      const [{ algorithm }] = of("active") as [StoredZoneKey];
      this.#store.step({ add: makeZoneKey({ zone, algorithm, state: "prepared" }) }, nowMs);
    } else if (step === "activate") {
      const move = [
        ...of("active").map(({ id }) => ({ id, state: "retiring" as const })),
        ...of("prepared").map(({ id }) => ({ id, state: "active" as const })),
      ];
      this.#store.step({ move }, nowMs);
    } else this.#store.step({ remove: of("retiring").map((key) => key.id) }, nowMs);
    this.#made = null;
    return this.view(zone);
  }

  #next(zone: string, own: readonly StoredZoneKey[]) {
    const prepared = own.find((key) => key.state === "prepared");
    if (prepared !== undefined) {
      return { step: "activate", notBeforeMs: prepared.changedMs + PREPARED_MS } as const;
    }
    const retiring = own.find((key) => key.state === "retiring");
    if (retiring === undefined) return { step: "prepare", notBeforeMs: 0 } as const;
    const held = Math.max(DS_TTL_SEC, longestTtl(this.#snapshot(), zone)) + SPARE_SEC;
    return { step: "retire", notBeforeMs: retiring.changedMs + held * SEC } as const;
  }

  #signed(): ReadonlyMap<string, ZoneKeyAlgorithm> {
    const snapshot = this.#snapshot();
    return snapshot === null ? new Map() : signedZones(snapshot);
  }

  #ensure(signed: ReadonlyMap<string, ZoneKeyAlgorithm>): void {
    const have = new Set(this.#store.list().map((key) => key.zone));
    for (const [zone, algorithm] of signed) {
      if (have.has(zone)) continue;
      const key = makeZoneKey({ zone, algorithm, state: "active" });
      this.#store.step({ add: key }, this.#clock.wallMs());
    }
  }
}

function signedZones(snapshot: Snapshot): Map<string, ZoneKeyAlgorithm> {
  const zones = compileNames(snapshot).zones.filter((zone) => zone.dnssec === true);
  const algorithms = new Map<string, ZoneKeyAlgorithm | undefined>([
    ...snapshot.sites.map((site) => [site.hostname, site.dnssec] as const),
    ...snapshot.zones.map((zone) => [zone.name, zone.dnssec] as const),
    [snapshot.zone, snapshot.dnssec],
  ]);
  return new Map(zones.map(({ name }) => [name, algorithms.get(name) ?? SECURE.P256]));
}

function longestTtl(snapshot: Snapshot | null, zone: string): number {
  const records = snapshot?.zones.find((one) => one.name === zone)?.records ?? [];
  return records.reduce((most, record) => Math.max(most, record.ttlSec), 0);
}

function dnskeyOf(key: ZoneKey): Uint8Array {
  return dnskeyData(key.algorithm, Buffer.from(key.publicKey, "base64"));
}

/** The DS record of a key, as the parent's zone file has it. */
export function dsLine(key: ZoneKey): string {
  const owner = encodeName(key.zone) ?? new Uint8Array(1);
  const data = dsData(owner, dnskeyOf(key), (octets) => {
    return createHash("sha256").update(octets).digest();
  });
  const digest = Buffer.from(data.subarray(4)).toString("hex").toUpperCase();
  return `${key.zone}. IN DS ${keyTag(dnskeyOf(key))} ${key.algorithm} ${data[3]} ${digest}`;
}
