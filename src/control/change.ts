import { Fault } from "../base/fault.ts";
import { bad, ok, type Problem, type Result } from "../base/result.ts";
import type { Intent, Network } from "../model/network.ts";
import type { Snapshot } from "../model/snapshot.ts";
import {
  type Change,
  Compiler,
  diffIntent,
  hashBody,
  readdressed,
  validateNetwork,
  wantedBy,
} from "../policy/snapshot/mod.ts";
import type { FormerName, NewIntent, Store, StoredIntent } from "../store/mod.ts";
import type { AddressWebhooks } from "./address-webhook.ts";
import { authorityProblems } from "./authorities.ts";
import type { Deps } from "./deps.ts";
import { hex, sha256 } from "./digest.ts";
import { checkMembers, hashMembers, withoutPasswords, withPlainEmails } from "./member-list.ts";
import { vetNetwork } from "./vet.ts";

/** What is recorded and shown of a change at most; the rest is counted. */
const CHANGES_SHOWN = 200;

export interface ChangeOrder {
  /** Makes the new network of the one in force. Bad input: all problems. */
  readonly edit: (
    before: Network | null,
    version: number,
  ) => Result<Network> | Promise<Result<Network>>;
  readonly actor: string;
  readonly customer: string | null;
  /** Such as `origin.put`. */
  readonly action: string;
  readonly subject: string;
  readonly publish: boolean;
  readonly dryRun?: boolean;
  /** A rollback gives sites that come back the target they had. */
  readonly revive?: boolean;
}

export interface ChangeDone {
  readonly changes: readonly Change[];
  readonly version: number;
  /** What this published, or null. */
  readonly snapshot: number | null;
}

/** Names of web servers that nobody looked up yet. */
interface ToLook {
  readonly look: readonly string[];
  readonly network: Network;
}

/**
 * The one road for changes of intent: edit, validate, vet, diff, compile, commit with the audit
 * entry, announce. One change at a time; all of it or nothing; no difference, no new version.
 */
export class Changer {
  readonly #deps: Deps;
  readonly #webhooks: AddressWebhooks;
  readonly #compiler = new Compiler();
  #queue: Promise<unknown> = Promise.resolve();
  /** The number of the last snapshot that brought other addresses and nothing else. */
  #readdressed: number | null = null;

  /** @param webhooks told before what is new may be used */
  constructor(deps: Deps, webhooks: AddressWebhooks) {
    this.#deps = deps;
    this.#webhooks = webhooks;
  }

  /** @throws Fault of the store */
  async change(order: ChangeOrder): Promise<Result<ChangeDone>> {
    const { hosts } = this.#deps;
    const looked = new Set<string>();
    for (;;) {
      const done = await this.#inTurn(() => this.#change(order, looked));
      if (!("look" in done)) return done;
      // Names are looked up beside the queue: a slow name server holds up nobody else's change.
      await hosts.look(done.look, done.network);
      for (const host of done.look) looked.add(host);
    }
  }

  /** What is wrong with a network that is not to be in force yet. */
  problemsOf(before: Network | null, after: Network): readonly Problem[] {
    return [
      ...validateNetwork(after),
      ...vetNetwork(after),
      ...this.#authorityProblems(before, after),
    ];
  }

  #authorityProblems(before: Network | null, after: Network): readonly Problem[] {
    return authorityProblems(before, after, this.#deps.clock.wallMs());
  }

  /** Publishes what is published with the addresses that web servers' names lead to now. */
  readdress(): Promise<void> {
    return this.#inTurn(async () => {
      const { store, clock, publisher, hosts } = this.#deps;
      const latest = publisher.latest();
      if (latest === null) return;
      const moved = readdressed(latest, (host) => hosts.of(host));
      if (moved.changes.length === 0) return;
      const number = publisher.nextNumber();
      const { hash: _, ...before } = latest;
      const body = { ...before, number, createdAtMs: clock.wallMs(), origins: moved.origins };
      const snapshot = { ...body, hash: hashBody(body, sha256) };
      const { version } = await store.intents.read();
      const subject = moved.changes.length === 1 ? moved.ids[0]! : `${moved.ids.length} origins`;
      const shown = changeLines(moved.changes);
      const audit = { atMs: clock.wallMs(), actor: "turnpike", customer: null, subject };
      await store.intents.commit({
        before: version,
        intent: null,
        // Names that move often take no place from what people may want back.
        snapshot: {
          ...{ snapshot, note: `origin.resolve ${subject}` },
          ...(latest.number === this.#readdressed ? { replaces: latest.number } : {}),
        },
        audit: { ...audit, action: "origin.resolve", changes: shown },
      });
      this.#readdressed = number;
      publisher.announce(snapshot);
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#queue.then(work);
    this.#queue = run.catch(() => {});
    return run;
  }

  /** @param looked names of web servers that were looked up for this order */
  async #change(
    order: ChangeOrder,
    looked: ReadonlySet<string>,
  ): Promise<Result<ChangeDone> | ToLook> {
    const { store, clock, publisher } = this.#deps;
    const stored = await store.intents.read();
    const edited = await order.edit(stored.network, stored.version);
    if (!edited.ok) return edited;
    const { hosts } = this.#deps;
    const look = hosts.unknown(edited.value).filter((host) => !looked.has(host));
    if (look.length > 0) return { look, network: edited.value };
    const next = withPlainEmails(edited.value);
    const operator = (await store.people.operator())?.email ?? null;
    const network = withoutPasswords(next);
    const people = await hashMembers(next, await store.people.members());
    const changes = [...diffIntent(stored.network, network), ...people.changes];
    const changed = changes.length > 0 || stored.network === null;
    const version = changed ? stored.version + 1 : stored.version;
    const publish = order.publish && publisher.latest()?.intentVersion !== version;
    const targets = await this.#targets(stored, network, order.revive ?? false);
    const found = hosts.fill(network);
    const compiled = this.#compile({ network: found, version, targets: targets.all }, publish);
    const problems = [
      ...checkMembers(network, operator),
      ...hosts.problems(network),
      ...vetNetwork(found),
      // What was in force once is no news: nobody's old authorities keep a network from going back.
      ...(order.revive === true ? [] : this.#authorityProblems(stored.network, network)),
    ];
    if (!compiled.ok) problems.unshift(...compiled.problems);
    if (problems.length > 0) return bad(problems);
    if (order.dryRun === true || (!changed && !publish)) {
      return ok({ changes, version: stored.version, snapshot: null });
    }
    const snapshot = compiled.ok ? compiled.value : null;
    const { added: targetsAdded, dropped: targetsDropped } = targets;
    const { members } = people;
    const namesDropped = droppedNames(stored.network, network);
    const names = { targetsAdded, targetsDropped, namesDropped };
    const intent: NewIntent = { version, network, ...names, members };
    const { actor, customer, action, subject } = order;
    const shown = changeLines(changes);
    await store.intents.commit({
      before: stored.version,
      intent: changed ? intent : null,
      snapshot: snapshot === null ? null : { snapshot, note: `${action} ${subject}` },
      audit: { atMs: clock.wallMs(), actor, customer, action, subject, changes: shown },
    });
    if (snapshot !== null) {
      await this.#webhooks.before(snapshot, publisher.latest(), network);
      publisher.announce(snapshot);
    }
    return ok({ changes, version, snapshot: snapshot?.number ?? null });
  }

  /** Null where nothing is to be published: then only validated, and a network may lack nodes. */
  #compile(intent: Intent, publish: boolean): Result<Snapshot | null> {
    if (!publish) {
      const problems = validateNetwork(intent.network);
      return problems.length > 0 ? bad(problems) : ok(null);
    }
    const number = this.#deps.publisher.nextNumber();
    return this.#compiler.compile({
      intent,
      number,
      createdAtMs: this.#deps.clock.wallMs(),
      sha256,
    });
  }

  async #targets(stored: StoredIntent, network: Network, revive: boolean) {
    const before = ownersOf(stored.network);
    const after = ownersOf(network);
    const all: Record<string, string> = {};
    const added: { hostname: string; customer: string; target: string }[] = [];
    for (const [hostname, customer] of after) {
      const kept = before.get(hostname) === customer ? stored.targets[hostname] : undefined;
      if (kept !== undefined) {
        all[hostname] = kept;
        continue;
      }
      const former = revive ? await formerTarget(this.#deps.store, customer, hostname) : null;
      const target = former ?? hex(this.#deps.rng, 16);
      all[hostname] = target;
      added.push({ hostname, customer, target });
    }
    const dropped = [...before].filter(([name, owner]) => after.get(name) !== owner);
    // The same object where nothing comes or goes: the compiler need not compare them.
    if (added.length + dropped.length === 0) return { all: stored.targets, added, dropped: [] };
    return { all, added, dropped: dropped.map(([name]) => name) };
  }
}

function formerTarget(store: Store, customer: string, hostname: string): Promise<string | null> {
  return store.intents.formerTarget(customer, hostname);
}

/** What a customer had, and has no more: somebody may still point here with it (threats.md D19). */
function droppedNames(before: Network | null, after: Network): FormerName[] {
  if (before === null || before.customers === after.customers) return [];
  const key = ({ name, customer }: FormerName) => `${name} ${customer}`;
  const kept = new Set(namesOf(after).map(key));
  return namesOf(before).filter((name) => !kept.has(key(name)));
}

function namesOf(network: Network): FormerName[] {
  return network.customers.flatMap((each) =>
    wantedBy(each).map((wanted) => ({ ...wanted, customer: each.name })),
  );
}

/** hostname -> customer. */
function ownersOf(network: Network | null): Map<string, string> {
  const owners = new Map<string, string>();
  for (const customer of network?.customers ?? []) {
    for (const site of customer.sites) owners.set(site.hostname, customer.name);
  }
  return owners;
}

/** A change in one line: `~ customers.shop.sites.www.shop.example.ttlSec: 20 -> 30`. */
export function changeLine({ action, path, from, to }: Change): string {
  const sign = action === "add" ? "+" : action === "remove" ? "-" : "~";
  if (from !== undefined && to !== undefined) return `${sign} ${path}: ${from} -> ${to}`;
  const value = to ?? from;
  return value === undefined ? `${sign} ${path}` : `${sign} ${path}: ${value}`;
}

export function changeLines(changes: readonly Change[]): string[] {
  const lines = changes.slice(0, CHANGES_SHOWN).map(changeLine);
  const rest = changes.length - lines.length;
  return rest > 0 ? [...lines, `and ${rest} more`] : lines;
}

/** The value, or the Fault `bad-input` with every problem. */
export function valueOrFault<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  const problems: readonly Problem[] = result.problems;
  throw new Fault("bad-input", "", { problems });
}
