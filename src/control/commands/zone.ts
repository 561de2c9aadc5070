import { Fault } from "../../base/fault.ts";
import { bad, ok, type Problem, type Result } from "../../base/result.ts";
import type { ZoneChanged, ZoneRow, ZoneView } from "../../model/api/mod.ts";
import { problemsOf } from "../../model/document.ts";
import type { Customer, Network } from "../../model/network.ts";
import { ownerName, type ZoneRecord, zoneRecord } from "../../model/zone.ts";
import type { ZoneTransfer } from "../../model/zone-extras.ts";
import {
  recordPlace,
  recordWarnings,
  validateNetwork,
  type Wanted,
} from "../../policy/snapshot/mod.ts";
import { typeName, typeNumber } from "../../wire/dns/mod.ts";
import { type Changer, changeLines, valueOrFault } from "../change.ts";
import type { ClaimBook } from "../claims.ts";
import { type ReadZone, readZoneFile, serverNames, writeZoneFile } from "./zone-file.ts";

/** Whose zone, and who asks. */
export interface ZoneAt {
  readonly customer: string;
  readonly zone: string;
  readonly actor: string;
}

type Kind = ZoneRow["kind"];

interface Held {
  readonly kind: Kind;
  readonly transfer?: ZoneTransfer | undefined;
  readonly signed: boolean;
  readonly records: readonly ZoneRecord[];
}

/** A hosted zone, or a delegated hostname, which is one for whoever asks. */
function heldBy(customer: Customer, name: string): Held | null {
  const zone = customer.zones.find((each) => each.name === name);
  if (zone !== undefined) {
    const { records, transfer } = zone;
    return { kind: "hosted", signed: isSigned(zone), records, transfer };
  }
  const site = customer.sites.find((each) => each.hostname === name);
  if (site?.onboarding !== "delegation") return null;
  return { kind: "delegated", signed: isSigned(site), records: site.records ?? [] };
}

function isSigned({ dnssec = false }: { readonly dnssec?: boolean | "ed25519" | undefined }) {
  return dnssec !== false;
}

/** @throws Fault `not-found` */
export function listZones(network: Network | null, name: string): ZoneRow[] {
  const customer = found(
    network?.customers.find((each) => each.name === name),
    name,
  );
  const names = [...customer.zones.map((z) => z.name), ...customer.sites.map((s) => s.hostname)];
  return [...new Set(names)].flatMap((zone) => {
    const held = heldBy(customer, zone);
    if (held === null) return [];
    return [{ customer: name, name: zone, kind: held.kind, records: held.records.length }];
  });
}

/** @throws Fault `not-found` */
export function readZone(network: Network | null, at: Omit<ZoneAt, "actor">): ZoneView {
  const all = found(network, at.zone);
  const customer = found(
    all.customers.find((each) => each.name === at.customer),
    at.customer,
  );
  const { kind, signed, records, transfer } = found(heldBy(customer, at.zone), at.zone);
  const warnings = recordWarnings(records, recordPlace(customer, at.zone, "records"));
  const nameServers = serverNames(all, at.customer);
  const rows = records.map((record) => ({ ...record }));
  const secondaries = transfer === undefined ? {} : { transfer };
  const rest = { nameServers, signed, records: rows, warnings, ...secondaries };
  return { customer: at.customer, name: at.zone, kind, ...rest };
}

/** @throws Fault `not-found` */
export function readZoneText(
  network: Network | null,
  at: Omit<ZoneAt, "actor">,
  serial: number,
): string {
  return writeZoneFile(readZone(network, at), found(network, at.zone), serial);
}

/**
 * Adds the zone or replaces its records; one whose name overlaps another customer's waits for a proof.
 *
 * @throws Fault `bad-input` with every problem, `not-found`
 */
export function putZone(
  changer: Changer,
  at: ZoneAt & {
    readonly claims: ClaimBook;
    readonly text?: string | undefined;
    readonly records?: readonly ZoneRecord[] | undefined;
    readonly dryRun: boolean;
  },
): Promise<ZoneChanged> {
  const { text, records = [], claims, ...rest } = at;
  const order = { ...rest, action: "zone.put", subject: at.zone, claims };
  return change(changer, order, (_, network) => {
    if (text === undefined) return ok({ records, places: [], ignored: [] });
    return readZoneFile(text, at.zone, serverNames(network, at.customer));
  });
}

/** @throws Fault `bad-input`, `not-found` */
export function deleteZone(changer: Changer, at: ZoneAt): Promise<ZoneChanged> {
  const order = { ...at, action: "zone.delete", subject: at.zone, dryRun: false };
  return change(changer, order, (held) => {
    if (found(held, at.zone).kind === "hosted") return ok(null);
    const message = "expected a hosted zone: this is a site's delegated hostname";
    return bad([{ path: "zone", message, received: at.zone }]);
  });
}

/** Who may fetch a hosted zone; null: nobody. @throws Fault `bad-input`, `not-found` */
export async function putTransfer(
  changer: Changer,
  at: ZoneAt,
  transfer: ZoneTransfer | null,
): Promise<ZoneChanged> {
  let prefix = "";
  const done = await changer.change({
    edit: (before) => {
      const network = found(before, at.customer);
      const c = network.customers.findIndex((each) => each.name === at.customer);
      const customer = found(network.customers[c], at.customer);
      const z = customer.zones.findIndex((zone) => zone.name === at.zone);
      const { transfer: _, ...bare } = found(customer.zones[z], at.zone);
      prefix = `customers.${c}.zones.${z}.`;
      const zones = customer.zones.with(z, transfer === null ? bare : { ...bare, transfer });
      return ok({ ...network, customers: network.customers.with(c, { ...customer, zones }) });
    },
    actor: at.actor,
    customer: at.customer,
    action: transfer === null ? "transfer.delete" : "transfer.put",
    subject: at.zone,
    publish: true,
  });
  if (!done.ok) return valueOrFault(bad(done.problems.map((problem) => own(problem, prefix))));
  const { changes, version, snapshot } = done.value;
  const shown = changeLines(changes);
  return { changes: shown, version, snapshot, dryRun: false, warnings: [], ignored: [] };
}

export interface SetAt extends ZoneAt {
  readonly name: string;
  readonly type: string;
}

/** Replaces the records of a name and type. @throws Fault `bad-input`, `not-found` */
export function putRecords(
  changer: Changer,
  at: SetAt,
  put: { readonly ttlSec: number; readonly values: readonly string[] },
): Promise<ZoneChanged> {
  const order = { ...at, action: "records.put", subject: subjectOf(at), dryRun: false };
  return change(changer, order, (held) => {
    const { records } = found(held, at.zone);
    const { name, type } = oneForm(at);
    const problems: Problem[] = [];
    const added = put.values.flatMap((value, i) => {
      const raw = { name: at.name, type: at.type, ttlSec: put.ttlSec, value };
      const parsed = zoneRecord.safeParse(raw);
      if (parsed.success) return [parsed.data];
      for (const problem of problemsOf(parsed.error, raw)) {
        const path = problem.path === "value" ? `values.${i}` : problem.path;
        if (i === 0 || path.startsWith("values")) problems.push({ ...problem, path });
      }
      return [];
    });
    if (problems.length > 0) return bad(problems);
    const first = records.findIndex((r) => r.name === name && r.type === type);
    const rest = records.filter((r) => r.name !== name || r.type !== type);
    const next = rest.toSpliced(first < 0 ? rest.length : first, 0, ...added);
    return ok({ records: next, places: [], ignored: [] });
  });
}

/** @throws Fault `bad-input`, `not-found` */
export function deleteRecords(changer: Changer, at: SetAt): Promise<ZoneChanged> {
  const order = { ...at, action: "records.delete", subject: subjectOf(at), dryRun: false };
  return change(changer, order, (held) => {
    const { records } = found(held, at.zone);
    const { name, type } = oneForm(at);
    const next = records.filter((r) => r.name !== name || r.type !== type);
    if (next.length === records.length) throw new Fault("not-found", subjectOf(at));
    return ok({ records: next, places: [], ignored: [] });
  });
}

function subjectOf({ zone, name, type }: SetAt): string {
  return `${zone}/${name}/${type.toUpperCase()}`.slice(0, 200);
}

/** As records are kept; what is none matches none. */
function oneForm({ name, type }: SetAt): { readonly name: string; readonly type: string } {
  const number = typeNumber(type);
  return { name: ownerName(name) ?? "", type: number === null ? "" : typeName(number) };
}

interface Order extends ZoneAt {
  readonly action: string;
  readonly subject: string;
  readonly dryRun: boolean;
  /** Where the zone is held if it must be proven first. */
  readonly claims?: ClaimBook;
}

/** What an edit came to, for the answer. */
interface Edited {
  readonly read: ReadZone | null;
  readonly prefix: string;
  readonly after: Customer;
  readonly toProve: readonly Wanted[];
}

async function change(
  changer: Changer,
  order: Order,
  edit: (held: Held | null, network: Network) => Result<ReadZone | null>,
): Promise<ZoneChanged> {
  let edited: Edited | null = null;
  const done = await changer.change({
    edit: async (before) => {
      const network = found(before, order.customer);
      const c = network.customers.findIndex((each) => each.name === order.customer);
      const customer = found(network.customers[c], order.customer);
      const held = heldBy(customer, order.zone);
      const read = edit(held, network);
      if (!read.ok) return read;
      const next = withRecords(customer, order.zone, read.value?.records ?? null);
      const prefix = `customers.${c}.${next.path}.`;
      const wanted = held === null ? [{ name: order.zone, kind: "zone" } as const] : [];
      const toProve = (await order.claims?.toProve(network, order.customer, wanted)) ?? [];
      edited = { read: read.value, prefix, after: next.customer, toProve };
      if (toProve.length === 0) {
        return ok({ ...network, customers: network.customers.with(c, next.customer) });
      }
      // Nothing changes, but what is wrong with it is said now: as if the customer were alone.
      const customers = network.customers.map((each, i) => {
        return i === c ? next.customer : { ...each, zones: [], sites: [] };
      });
      const problems = validateNetwork({ ...network, customers });
      return problems.length > 0 ? bad(problems) : ok(network);
    },
    actor: order.actor,
    customer: order.customer,
    action: order.action,
    subject: order.subject,
    publish: true,
    dryRun: order.dryRun,
  });
  const { read, prefix, after, toProve } = (edited as Edited | null) ?? NOT_EDITED;
  const places = read?.places ?? [];
  if (!done.ok) {
    const problems = done.problems.map((p) => placed(own(p, prefix), places));
    return valueOrFault(bad(problems));
  }
  const { changes, version, snapshot } = done.value;
  const records = read?.records ?? [];
  const place = recordPlace(found(after, order.customer), order.zone, "records");
  const answer = {
    changes: changeLines(changes),
    version,
    snapshot,
    dryRun: order.dryRun,
    warnings: recordWarnings(records, place).map((p) => placed(p, places)),
    ignored: [...(read?.ignored ?? [])],
  };
  if (toProve.length === 0 || order.claims === undefined) return answer;
  if (order.dryRun) return { ...answer, warnings: [...answer.warnings, MUST_BE_PROVEN] };
  const held = { kind: "zone", name: order.zone, body: { records: [...records] } } as const;
  return { ...answer, pending: await order.claims.hold(order, held, toProve) };
}

const NOT_EDITED = { read: null, prefix: "", after: null, toProve: [] } as const;
const MUST_BE_PROVEN: Problem = {
  path: "name",
  message: "would wait for a proof: the name overlaps what another customer has or had",
};

/** The customer with these records in the zone, or without the zone; and where it stands. */
function withRecords(
  customer: Customer,
  name: string,
  records: readonly ZoneRecord[] | null,
): { readonly customer: Customer; readonly path: string } {
  const list = records === null ? null : [...records];
  if (heldBy(customer, name)?.kind === "delegated") {
    const s = customer.sites.findIndex((site) => site.hostname === name);
    const site = found(customer.sites[s], name);
    const { records: _, ...bare } = site;
    const next = list === null || list.length === 0 ? bare : { ...bare, records: list };
    return { customer: { ...customer, sites: customer.sites.with(s, next) }, path: `sites.${s}` };
  }
  const z = customer.zones.findIndex((zone) => zone.name === name);
  const zones = [...customer.zones];
  if (list === null) zones.splice(z, 1);
  else if (z < 0) zones.push({ name, records: list });
  else zones[z] = { ...found(zones[z], name), records: list };
  return { customer: { ...customer, zones }, path: `zones.${z < 0 ? customer.zones.length : z}` };
}

/** Paths as the caller knows them, and not a word of what others have. */
function own(problem: Problem, prefix: string): Problem {
  const { path } = problem;
  if (prefix === "" || !path.startsWith("customers.")) return problem;
  const message = problem.message.replace(/: customers\.\S+ has it$/, "");
  if (path.startsWith(prefix)) return { ...problem, path: path.slice(prefix.length), message };
  const mine = path.startsWith(`${prefix.split(".").slice(0, 2).join(".")}.`);
  if (mine) return { ...problem, path: path.split(".").slice(2).join("."), message };
  return { path: "name", message: "expected a zone apart from another customer's" };
}

/** With the line of the file that brought the record. */
function placed(problem: Problem, places: ReadZone["places"]): Problem {
  const index = /^records\.(\d+)/.exec(problem.path)?.[1];
  const place = index === undefined ? undefined : places[Number(index)];
  return place === undefined ? problem : { ...problem, ...place };
}

function found<T>(value: T | null | undefined, name: string): T {
  if (value === null || value === undefined) throw new Fault("not-found", name);
  return value;
}
