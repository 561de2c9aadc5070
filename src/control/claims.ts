import { Fault } from "../base/fault.ts";
import { ok } from "../base/result.ts";
import type { ClaimView } from "../model/api/mod.ts";
import type { Network } from "../model/network.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { Site } from "../model/site.ts";
import type { ZoneRecord } from "../model/zone.ts";
import { nameServerSet, overlapping, type Wanted, wantedBySite } from "../policy/snapshot/mod.ts";
import type { StoredClaim } from "../store/mod.ts";
import { type Changer, valueOrFault } from "./change.ts";
import { CHALLENGE, missingProof } from "./claim-proof.ts";
import type { Deps } from "./deps.ts";
import { hex } from "./digest.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** A claim nobody proves is given up. */
const KEPT_MS = 30 * 24 * HOUR_MS;
const CLAIMS_MAX = 30;
/** Claims looked at in one turn, so that many of them do not flood a resolver. */
const CHECKED_AT_ONCE = 20;

interface ZoneBody {
  readonly records: readonly ZoneRecord[];
}

/** What was put, as it is put again once it is proven. */
export type Held =
  | { readonly kind: "zone"; readonly name: string; readonly body: ZoneBody }
  | { readonly kind: "site"; readonly name: string; readonly body: Site };

/**
 * Zones and sites whose names are, contain, or lie under what another customer has or had: kept apart
 * from the intent, and so not served, until the customer's own proof is seen (threats.md D19).
 */
export class ClaimBook {
  readonly #deps: Deps;
  readonly #changer: Changer;
  readonly #resolver: NameResolver | null;
  readonly #timer: ReturnType<typeof setInterval>;
  #sweeping = false;

  constructor(o: { deps: Deps; changer: Changer; resolver: NameResolver | null }) {
    this.#deps = o.deps;
    this.#changer = o.changer;
    this.#resolver = o.resolver;
    this.#timer = setInterval(() => {
      this.sweep().catch((error: unknown) => {
        this.#deps.log.error("Cannot look at claims", { error });
      });
    }, MINUTE_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Those of the names that the customer must prove first. */
  async toProve(network: Network, customer: string, wanted: readonly Wanted[]) {
    const former = await this.#deps.store.claims.formerNames();
    return overlapping(wanted, customer, { network, former });
  }

  /** Keeps what was put, to be served once these names are proven. @throws Fault `bad-input` */
  async hold(
    at: { readonly customer: string; readonly actor: string },
    held: Held,
    names: readonly Wanted[],
  ): Promise<ClaimView> {
    const { store, clock, rng } = this.#deps;
    const { customer, actor } = at;
    const own = (await store.claims.list()).filter((each) => each.customer === customer);
    const before = own.find((each) => each.name === held.name);
    if (before === undefined && own.length >= CLAIMS_MAX) {
      const message = `expected at most ${CLAIMS_MAX} names that wait for a proof`;
      const problem = { path: "name", message, received: held.name };
      throw new Fault("bad-input", "", { problems: [problem] });
    }
    const claim: StoredClaim = {
      ...{ customer, name: held.name, kind: held.kind, body: held.body },
      names: names.map(({ name, kind }) => ({ name, ns: kind === "zone" })),
      token: before?.token ?? `turnpike-${hex(rng, 16)}`,
      createdMs: clock.wallMs(),
      checkedMs: null,
      problem: null,
    };
    await store.claims.put(claim, this.#audit(claim, actor, "claim.hold"));
    return this.#view(claim, "pending");
  }

  async list(customer: string): Promise<ClaimView[]> {
    const claims = await this.#deps.store.claims.list();
    const own = claims.filter((claim) => claim.customer === customer);
    return Promise.all(own.map((claim) => this.#view(claim, "pending")));
  }

  /** @throws Fault `not-found`; `bad-input` when it is proven and cannot be served as it was put */
  async check(at: { customer: string; name: string; actor: string }): Promise<ClaimView> {
    const claim = await this.#find(at);
    const missing = await this.#missing(claim);
    const checked = { ...claim, checkedMs: this.#deps.clock.wallMs(), problem: missing };
    await this.#deps.store.claims.checked(claim, checked.checkedMs, missing);
    if (missing !== null) return this.#view(checked, "pending");
    await this.#settle(claim, at.actor);
    return this.#view(checked, "proven");
  }

  async drop(at: { customer: string; name: string; actor: string }): Promise<void> {
    const claim = await this.#find(at);
    await this.#deps.store.claims.drop(claim, this.#audit(claim, at.actor, "claim.delete"));
  }

  /** Looks at those that are due: each minute in their first hour, then each ten minutes. */
  async sweep(): Promise<void> {
    if (this.#sweeping || this.#resolver === null) return;
    this.#sweeping = true;
    const { store, clock, log } = this.#deps;
    try {
      const nowMs = clock.wallMs();
      const claims = await store.claims.list();
      for (const claim of claims.filter((each) => nowMs - each.createdMs > KEPT_MS)) {
        await store.claims.drop(claim, this.#audit(claim, "turnpike", "claim.expire"));
      }
      const due = claims.filter(({ createdMs, checkedMs }) => {
        const everyMs = nowMs - createdMs < HOUR_MS ? MINUTE_MS : 10 * MINUTE_MS;
        return nowMs - createdMs <= KEPT_MS && nowMs - (checkedMs ?? 0) >= everyMs;
      });
      due.sort((a, b) => (a.checkedMs ?? 0) - (b.checkedMs ?? 0));
      for (const { customer, name } of due.slice(0, CHECKED_AT_ONCE)) {
        await this.check({ customer, name, actor: "turnpike" }).catch((error: unknown) => {
          log.warn("A claim was proven and cannot be served", { customer, name, error });
        });
      }
    } finally {
      this.#sweeping = false;
    }
  }

  async #find({ customer, name }: { customer: string; name: string }): Promise<StoredClaim> {
    const claims = await this.#deps.store.claims.list();
    const claim = claims.find((each) => each.customer === customer && each.name === name);
    if (claim === undefined) throw new Fault("not-found", name);
    return claim;
  }

  async #missing(claim: StoredClaim): Promise<string | null> {
    const { network } = await this.#deps.store.intents.read();
    if (network === null || this.#resolver === null) return "no resolver to look with";
    const servers = serversOf(network, claim.customer);
    for (const { name, ns } of claim.names) {
      const looked = { name, token: claim.token, servers: ns ? servers : null };
      const missing = await missingProof(looked, network, this.#resolver);
      if (missing !== null) return missing;
    }
    return null;
  }

  /** Puts what was held into the intent. Who had the very same names must show now that they may. */
  async #settle(claim: StoredClaim, actor: string): Promise<void> {
    const { store } = this.#deps;
    const before = (await store.intents.read()).network;
    const names = new Set(claim.names.map(({ name }) => name));
    const taken = before === null ? [] : displaced(before, claim, names);
    for (const each of taken) {
      const lost = {
        ...this.#claimOf(each),
        problem: "another customer has shown that it is theirs",
      };
      await store.claims.put(lost, this.#audit(lost, actor, "claim.lost"));
    }
    const done = await this.#changer.change({
      edit: (network) => {
        if (network === null) throw new Fault("not-found", claim.customer);
        return ok(settled(without(network, claim, names), claim));
      },
      actor,
      customer: claim.customer,
      action: "claim.proven",
      subject: claim.name,
      publish: true,
    });
    if (!done.ok) {
      const words = done.problems.map((p) => p.message).join("; ");
      const problem = `proven, and cannot be served: ${words}`.slice(0, 500);
      await store.claims.checked(claim, this.#deps.clock.wallMs(), problem);
      for (const each of taken) {
        await store.claims.drop(this.#claimOf(each), this.#audit(claim, actor, "claim.delete"));
      }
      valueOrFault(done);
    }
    await store.claims.drop(claim, this.#audit(claim, actor, "claim.settled"));
  }

  #claimOf({ customer, held, names }: Displaced): StoredClaim {
    return {
      ...{ customer, name: held.name, kind: held.kind, body: held.body },
      names: names.map(({ name, kind }) => ({ name, ns: kind === "zone" })),
      token: `turnpike-${hex(this.#deps.rng, 16)}`,
      createdMs: this.#deps.clock.wallMs(),
      checkedMs: null,
      problem: null,
    };
  }

  #audit({ customer, name }: { customer: string; name: string }, actor: string, action: string) {
    const atMs = this.#deps.clock.wallMs();
    return { atMs, actor, customer, action, subject: name, changes: [] };
  }

  async #view(claim: StoredClaim, state: ClaimView["state"]): Promise<ClaimView> {
    const { network } = await this.#deps.store.intents.read();
    const servers = network === null ? [] : serversOf(network, claim.customer);
    return {
      ...{ customer: claim.customer, name: claim.name, kind: claim.kind, state },
      proofs: claim.names.map(({ name, ns }) => ({
        name,
        txt: { name: `${CHALLENGE}.${name}`, value: claim.token },
        ns: ns ? servers : null,
      })),
      createdAt: new Date(claim.createdMs).toISOString(),
      checkedAt: claim.checkedMs === null ? null : new Date(claim.checkedMs).toISOString(),
      problem: claim.problem,
    };
  }
}

function serversOf(network: Network, customer: string): string[] {
  const nodes = network.nodes.filter((node) => node.roles.includes("dns"));
  const names = nodes.map(({ name }) => name);
  return nameServerSet(customer, names, network.zone).map(({ name }) => name);
}

interface Displaced {
  readonly customer: string;
  readonly held: Held;
  readonly names: readonly Wanted[];
}

/** Zones and sites of others that have one of the names themselves. */
function displaced(
  network: Network,
  claim: StoredClaim,
  names: ReadonlySet<string>,
): readonly Displaced[] {
  const others = network.customers.filter((each) => each.name !== claim.customer);
  return others.flatMap(({ name: customer, zones, sites }) => [
    ...zones.flatMap((zone): Displaced[] => {
      if (!names.has(zone.name)) return [];
      const held = { kind: "zone", name: zone.name, body: { records: zone.records } } as const;
      return [{ customer, held, names: [{ name: zone.name, kind: "zone" }] }];
    }),
    ...sites.flatMap((site): Displaced[] => {
      if (!names.has(site.hostname)) return [];
      const held = { kind: "site", name: site.hostname, body: site } as const;
      return [{ customer, held, names: wantedBySite(site) }];
    }),
  ]);
}

function without(network: Network, claim: StoredClaim, names: ReadonlySet<string>): Network {
  const customers = network.customers.map((each) => {
    if (each.name === claim.customer) return each;
    const zones = each.zones.filter((zone) => !names.has(zone.name));
    const sites = each.sites.flatMap((site) => {
      if (names.has(site.hostname)) return [];
      const aliases = site.cache.aliases.filter((alias) => !names.has(alias));
      const same = aliases.length === site.cache.aliases.length;
      return [same ? site : { ...site, cache: { ...site.cache, aliases } }];
    });
    return { ...each, zones, sites };
  });
  return { ...network, customers };
}

function settled(network: Network, claim: StoredClaim): Network {
  const c = network.customers.findIndex((each) => each.name === claim.customer);
  const customer = network.customers[c];
  if (customer === undefined) throw new Fault("not-found", claim.customer);
  const { name, body } = claim;
  if (claim.kind === "zone") {
    const z = customer.zones.findIndex((zone) => zone.name === name);
    const records = [...(body as ZoneBody).records];
    const zone = { ...(customer.zones[z] ?? { name }), records, proven: true };
    const zones = z < 0 ? [...customer.zones, zone] : customer.zones.with(z, zone);
    return { ...network, customers: network.customers.with(c, { ...customer, zones }) };
  }
  const s = customer.sites.findIndex((site) => site.hostname === name);
  const site = { ...(body as Site), proven: true };
  const sites = s < 0 ? [...customer.sites, site] : customer.sites.with(s, site);
  return { ...network, customers: network.customers.with(c, { ...customer, sites }) };
}
