import { Fault } from "../base/fault.ts";
import type { SetUp, SetUpCheck } from "../model/api/mod.ts";
import type { Customer, Network } from "../model/network.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { Site } from "../model/site.ts";
import { formatData, type Message, TYPE } from "../wire/dns/mod.ts";
import { serverNames } from "./commands/zone-file.ts";
import { askParent, delegationOf } from "./delegation.ts";
import type { Deps } from "./deps.ts";

interface Parts {
  readonly deps: Deps;
  readonly resolver: NameResolver | null;
  readonly dsOf: (zone: string) => readonly string[];
}

/** What is looked at: the intent, and how. */
interface Looking extends Parts {
  readonly network: Network;
  readonly customer: Customer;
  readonly targets: Readonly<Record<string, string>>;
}

const NOBODY = "Nobody answered when we looked; look again in a minute";

/** Looks, as the world does, whether names lead to us: what onboarding is waiting for. */
export class SetUpChecker {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** @throws Fault `not-found` */
  async site(customer: string, hostname: string): Promise<SetUp> {
    const looking = await this.#looking(customer);
    const site = looking.customer.sites.find((one) => one.hostname === hostname);
    if (site === undefined) throw new Fault("not-found", hostname);
    const { zone } = looking.network;
    const checks = await Promise.all([
      ...firstAddress(looking, site),
      ...site.cache.aliases.map((alias) => checkCname(looking, alias, `${hostname}.${zone}`)),
    ]);
    return this.#setUp(hostname, checks.flat());
  }

  /** A hosted zone, or a delegated hostname. @throws Fault `not-found` */
  async zone(customer: string, name: string): Promise<SetUp> {
    const looking = await this.#looking(customer);
    const { zones, sites } = looking.customer;
    const own =
      zones.some((zone) => zone.name === name) ||
      sites.some((site) => site.hostname === name && site.onboarding === "delegation");
    if (!own) throw new Fault("not-found", name);
    return this.#setUp(name, await checkZone(looking, name));
  }

  async #looking(name: string): Promise<Looking> {
    const { network, targets } = await this.#parts.deps.store.intents.read();
    const customer = network?.customers.find((one) => one.name === name);
    if (network === null || customer === undefined) throw new Fault("not-found", name);
    return { ...this.#parts, network, customer, targets };
  }

  #setUp(name: string, checks: readonly SetUpCheck[]): SetUp {
    const at = new Date(this.#parts.deps.clock.wallMs()).toISOString();
    const ready = checks.every(({ type, state }) => state === "right" || type === "DS");
    return { name, at, ready, checks: [...checks] };
  }
}

/** By the site's way of onboarding. */
function firstAddress(looking: Looking, site: Site): Promise<readonly SetUpCheck[]>[] {
  const { hostname, onboarding } = site;
  if (onboarding === "delegation") return [checkZone(looking, hostname)];
  if (onboarding === "cname") {
    const target = `${looking.targets[hostname]}.gtm.${looking.network.zone}`;
    return [checkCname(looking, hostname, target)];
  }
  const zone = looking.customer.zones.find(
    ({ name }) => hostname === name || hostname.endsWith(`.${name}`),
  );
  return zone === undefined ? [] : [checkZone(looking, zone.name)];
}

async function checkZone(looking: Looking, name: string): Promise<readonly SetUpCheck[]> {
  const { network, customer, resolver } = looking;
  const ns = resolver === null ? null : await delegationOf(name, network, resolver);
  const expected = serverNames(network, customer.name);
  const checks = [checkOf({ name, type: "NS", expected, seen: ns })];
  const lines = looking.dsOf(name);
  if (lines.length === 0) return checks;
  const said = resolver && (await askParent({ name, type: TYPE.DS }, network, resolver));
  const ds = lines.map((line) => line.replace(/^.*\sDS\s+/, "").toUpperCase());
  return [...checks, checkOf({ name, type: "DS", expected: ds, seen: said && dsIn(said) })];
}

async function checkCname(
  { resolver }: Looking,
  name: string,
  target: string,
): Promise<readonly SetUpCheck[]> {
  const message = await (resolver?.lookup(name, TYPE.CNAME).catch(() => null) ?? null);
  const seen = message && cnamesIn(message, name);
  return [checkOf({ name, type: "CNAME", expected: [target], seen })];
}

function cnamesIn({ answers }: Message, owner: string): string[] {
  return answers.flatMap(({ name, type, data }) => {
    const own = type === TYPE.CNAME && name.toLowerCase() === owner && data.kind === "name";
    return own ? [data.name.toLowerCase()] : [];
  });
}

function dsIn({ answers }: Message): string[] {
  return answers.flatMap(({ type, data }) => {
    if (type !== TYPE.DS || data.kind !== "raw") return [];
    return [(formatData(TYPE.DS, data.bytes) ?? "").toUpperCase()];
  });
}

type Found = Omit<SetUpCheck, "state" | "words" | "seen" | "expected"> & {
  readonly expected: readonly string[];
  readonly seen: readonly string[] | null;
};

function checkOf(found: Found): SetUpCheck {
  const { name, type, expected, seen } = found;
  const base = { name, type, expected: [...expected], seen: [...(seen ?? [])].sort() };
  if (seen === null) return { ...base, state: "unknown", words: NOBODY };
  if (seen.length === 0) return { ...base, state: "missing", words: missingWords(found) };
  const right = expected.filter((value) => seen.includes(value)).length;
  if (right === 0) {
    const words = `The ${type} there ${seen.length === 1 ? "is another's" : "are others'"}: replace by what is expected`;
    return { ...base, state: "wrong", words };
  }
  if (right < expected.length || seen.length > right) {
    const extra = seen.filter((value) => !expected.includes(value));
    const words =
      extra.length === 0
        ? "Some are there: add the others"
        : `Some clients are led elsewhere: remove ${extra.join(", ")}`;
    return { ...base, state: "incomplete", words };
  }
  return { ...base, state: "right", words: "As expected" };
}

function missingWords({ name, type }: Found): string {
  if (type === "DS") return "Until it is there, resolvers do not validate what we sign";
  if (type === "NS") return `The zone above ${name} delegates it to nobody`;
  return `${name} has no CNAME: remove its addresses and set it`;
}
