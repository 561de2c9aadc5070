import type { Problem } from "../../base/result.ts";
import type { Customer, Network } from "../../model/network.ts";
import { checkRecords, type RecordPlace } from "./records.ts";
import { checkChain } from "./steering.ts";

/** Below it, in the network's zone, stand the targets of sites' CNAME records. */
export const TARGETS = "gtm";

type Add = (path: string, message: string, received: string) => void;

/**
 * What no single noun can see: names that must be unique, references that must lead somewhere, and
 * hostnames that must not overlap. Returns every problem, each with its path in the network file.
 * What a site's other settings can break is checked by customer (`validateCustomers()`): of the checks
 * before, none may look at more of a site than `changedSites()` holds still.
 */
export function validateNetwork(network: Network): Problem[] {
  const problems: Problem[] = [];
  const add: Add = (path, message, received) => problems.push({ path, message, received });
  unique(network.pops, "pops", add);
  unique(network.nodes, "nodes", add);
  unique(network.plans, "plans", add);
  unique(network.customers, "customers", add);
  unique(network.clientGroups, "clientGroups", add);
  checkNodes(network, add);
  checkTiers(network, add);
  checkGroups(network, add);
  checkNames(network, add);
  checkSigned(network, add);
  for (const [c, customer] of network.customers.entries()) checkCustomer(network, customer, c, add);
  return problems;
}

/**
 * What is wrong within these customers (places in the list), by itself: for a network of which nothing
 * else has changed, nor a name in them, since it passed `validateNetwork()`.
 */
export function validateCustomers(network: Network, places: Iterable<number>): Problem[] {
  const problems: Problem[] = [];
  const add: Add = (path, message, received) => problems.push({ path, message, received });
  for (const c of places) checkCustomer(network, network.customers[c]!, c, add);
  return problems;
}

function unique(items: readonly { name: string }[], path: string, add: Add): void {
  const seen = new Map<string, number>();
  for (const [i, { name }] of items.entries()) {
    const first = seen.get(name);
    if (first === undefined) seen.set(name, i);
    else add(`${path}.${i}.name`, `expected a name of its own: ${path}.${first} has it`, name);
  }
}

function checkNodes(network: Network, add: Add): void {
  const pops = new Set(network.pops.map((pop) => pop.name));
  for (const [i, node] of network.nodes.entries()) {
    if (!pops.has(node.pop)) add(`nodes.${i}.pop`, "expected the name of a pop", node.pop);
  }
}

/** Parents are pops of the network, and nobody is asked by whom it asks. */
function checkTiers({ pops }: Network, add: Add): void {
  const byName = new Map(pops.map((pop) => [pop.name, pop]));
  for (const [i, { name, parent }] of pops.entries()) {
    if (parent === undefined) continue;
    const path = `pops.${i}.parent`;
    if (!byName.has(parent)) add(path, "expected the name of a pop", parent);
    const above: string[] = [];
    for (let at: string | undefined = parent; at !== undefined && !above.includes(at); ) {
      above.push(at);
      at = byName.get(at)?.parent;
    }
    if (above.includes(name)) {
      add(path, "expected no circle of parents", [name, ...above].join(" asks "));
    }
  }
}

function checkGroups(network: Network, add: Add): void {
  const pops = new Set(network.pops.map((pop) => pop.name));
  const owners = new Map<string, string>();
  for (const [i, group] of network.clientGroups.entries()) {
    const at = `clientGroups.${i}`;
    if (group.name === "default") {
      add(`${at}.name`, "expected another name: default is every client of no group", group.name);
    }
    checkPlace(group, at, add);
    for (const pop of Object.keys(group.rttMs)) {
      if (!pops.has(pop)) add(`${at}.rttMs.${pop}`, "expected the name of a pop", pop);
    }
    for (const [p, prefix] of group.prefixes.entries()) {
      const owner = owners.get(prefix);
      if (owner === undefined) owners.set(prefix, group.name);
      else add(`${at}.prefixes.${p}`, `expected a prefix of its own: ${owner} has it`, prefix);
    }
  }
}

/** A place needs both numbers. */
function checkPlace(
  o: { readonly lat?: number | undefined; readonly lon?: number | undefined },
  path: string,
  add: Add,
): void {
  if ((o.lat === undefined) === (o.lon === undefined)) return;
  const has = o.lat === undefined ? "lon" : "lat";
  add(`${path}.${has}`, "expected lat and lon, or neither", `only ${has}`);
}

/** Every name we would be authoritative for, or answer HTTP for, has one owner. */
function checkNames(network: Network, add: Add): void {
  const owners = new Map<string, string>();
  const claim = (name: string, path: string) => {
    const owner = owners.get(name);
    if (owner === undefined) owners.set(name, path);
    else add(path, `expected a name that nobody has: ${owner} has it`, name);
  };
  const zones: { name: string; path: string; customer: number; proven: boolean }[] = [];
  for (const [c, customer] of network.customers.entries()) {
    for (const [z, zone] of customer.zones.entries()) {
      const path = `customers.${c}.zones.${z}.name`;
      claim(zone.name, path);
      zones.push({ name: zone.name, path, customer: c, proven: zone.proven === true });
      if (within(zone.name, network.zone) || within(network.zone, zone.name)) {
        add(path, `expected a zone apart from the network's own, ${network.zone}`, zone.name);
      }
    }
  }
  checkOverlap(zones, add);
  const zoneOf = new Map(zones.map((zone) => [zone.name, zone]));
  for (const [c, customer] of network.customers.entries()) {
    for (const [s, site] of customer.sites.entries()) {
      const at = `customers.${c}.sites.${s}`;
      if (!zoneOf.has(site.hostname)) {
        claim(site.hostname, `${at}.hostname`);
      }
      for (const [a, alias] of site.cache.aliases.entries()) {
        claim(alias, `${at}.cache.aliases.${a}`);
        // There each name is somebody's already: c.<zone>, and <hostname>.<zone> of every site.
        if (!within(alias, network.zone)) continue;
        add(`${at}.cache.aliases.${a}`, `expected a name outside ${network.zone}`, alias);
      }
      if (within(site.hostname, network.zone)) {
        add(`${at}.hostname`, `expected a name outside ${network.zone}`, site.hostname);
      }
      // Its <hostname>.<zone> could be the CNAME target of another customer's.
      if (within(site.hostname, TARGETS)) {
        add(`${at}.hostname`, `expected a name outside ${TARGETS}`, site.hostname);
      }
      if (site.hostname.length + network.zone.length + 1 > 253) {
        add(
          `${at}.hostname`,
          "expected a shorter name: with the zone it passes 253",
          site.hostname,
        );
      }
      const around = ancestors(site.hostname).map((name) => zoneOf.get(name));
      const foreign = around.some((zone) => zone && zone.customer !== c && !zone.proven);
      if (foreign && site.proven !== true) {
        add(`${at}.hostname`, `expected a name outside another customer's zone`, site.hostname);
      }
    }
  }
}

/** Only what is a zone of its own is signed by itself. */
function checkSigned(network: Network, add: Add): void {
  for (const [c, { zones, sites }] of network.customers.entries()) {
    for (const [s, { hostname: name, onboarding, dnssec }] of sites.entries()) {
      const apart = onboarding === "delegation" && !zones.some((zone) => zone.name === name);
      if (apart || !isSigned(dnssec)) continue;
      const path = `customers.${c}.sites.${s}.dnssec`;
      add(path, "expected a site with its own zone (onboarding: delegation)", name);
    }
  }
}

/** The name, and every name above it. */
function ancestors(name: string): string[] {
  const found = [name];
  for (let at = name.indexOf("."); at >= 0; at = name.indexOf(".", at + 1)) {
    found.push(name.slice(at + 1));
  }
  return found;
}

/** A zone above or below another customer's would take names from it (D19). The later one is wrong. */
function checkOverlap(
  zones: readonly {
    readonly name: string;
    readonly path: string;
    readonly customer: number;
    readonly proven: boolean;
  }[],
  add: Add,
): void {
  const places = new Map(zones.map((zone, i) => [zone.name, i]));
  for (const [i, zone] of zones.entries()) {
    for (let at = zone.name.indexOf("."); at >= 0; at = zone.name.indexOf(".", at + 1)) {
      const above = places.get(zone.name.slice(at + 1));
      if (above === undefined || zones[above]?.customer === zone.customer) continue;
      // Whoever came later has shown that it is theirs: see overlap.ts.
      if (zone.proven || zones[above]?.proven === true) continue;
      const later = zones[Math.max(i, above)];
      add(later?.path ?? "", "expected a zone apart from another customer's", later?.name ?? "");
    }
  }
}

function isSigned(dnssec: boolean | "ed25519" | undefined): boolean {
  return dnssec !== undefined && dnssec !== false;
}

export function within(name: string, zone: string): boolean {
  return name === zone || name.endsWith(`.${zone}`);
}

function checkCustomer(network: Network, customer: Customer, c: number, add: Add): void {
  const at = `customers.${c}`;
  if (!network.plans.some((plan) => plan.name === customer.plan)) {
    add(`${at}.plan`, "expected the name of a plan", customer.plan);
  }
  for (const [s, site] of customer.sites.entries()) {
    unique(site.origins, `${at}.sites.${s}.origins`, add);
    if (site.fetch?.certificate !== undefined && site.scheme !== "https") {
      const path = `${at}.sites.${s}.fetch.certificate`;
      add(path, "expected a site with scheme: https", site.fetch.certificate);
    }
    checkChain(network, site, { path: `${at}.sites.${s}.steering.chain`, add });
    for (const [o, origin] of site.origins.entries()) {
      const path = `${at}.sites.${s}.origins.${o}`;
      if (origin.pop !== undefined && !network.pops.some((pop) => pop.name === origin.pop)) {
        add(`${path}.pop`, "expected the name of a pop", origin.pop);
      }
      checkPlace(origin, path, add);
    }
    const hosted = customer.zones.some((zone) => within(site.hostname, zone.name));
    if (site.onboarding === "hosted" && !hosted) {
      const message = "expected a zone of this customer's that holds the hostname";
      add(`${at}.sites.${s}.onboarding`, message, site.hostname);
    }
    if (site.check.http !== null && site.check.http.statusMin > site.check.http.statusMax) {
      const { statusMin, statusMax } = site.check.http;
      const received = `${statusMin} to ${statusMax}`;
      add(`${at}.sites.${s}.check.http`, "expected statusMin not above statusMax", received);
    }
    if (site.check.timeoutMs > site.check.intervalMs) {
      const received = `${site.check.timeoutMs} of ${site.check.intervalMs}`;
      add(`${at}.sites.${s}.check.timeoutMs`, "expected a timeout within the interval", received);
    }
  }
  for (const [z, zone] of customer.zones.entries()) {
    const path = `${at}.zones.${z}.records`;
    checkRecords(zone.records, recordPlace(customer, zone.name, path), add);
    if (zone.transfer !== undefined && isSigned(zone.dnssec)) {
      const message = "expected no transfer of a signed zone: its signatures are made per answer";
      add(`${at}.zones.${z}.transfer`, message, zone.name);
    }
  }
  for (const [s, site] of customer.sites.entries()) {
    const records = site.records ?? [];
    if (records.length === 0) continue;
    const path = `${at}.sites.${s}.records`;
    const place = recordPlace(customer, site.hostname, path);
    if (site.onboarding === "delegation" && place.delegated) checkRecords(records, place, add);
    else add(path, "expected records of a delegated hostname only", site.onboarding);
  }
}

/** What the records of a zone of this customer's, hosted or delegated, are checked against. */
export function recordPlace(customer: Customer, zone: string, path: string): RecordPlace {
  const { sites, zones } = customer;
  const own = sites.filter((site) => site.onboarding !== "cname" && within(site.hostname, zone));
  const delegated = own.filter((site) => site.onboarding === "delegation");
  const others = [...zones.map((each) => each.name), ...delegated.map((site) => site.hostname)];
  return {
    zone,
    path,
    steered: new Set(own.map((site) => site.hostname)),
    below: others.filter((name) => name !== zone && within(name, zone)),
    delegated: !zones.some((each) => each.name === zone),
  };
}
