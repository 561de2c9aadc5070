import { createHash } from "node:crypto";
import { join } from "node:path";
import type { z } from "zod";
import { Fault } from "../base/fault.ts";
import type { TsigKeyRow, tsigKeyCreate } from "../model/api/mod.ts";
import type { Network } from "../model/network.ts";
import {
  type Challenge,
  type ChallengeStep,
  type ServerExtras,
  tsigName,
} from "../model/zone-extras.ts";
import { wantedBy, within } from "../policy/snapshot/mod.ts";
import { type StoredTsig, ZoneExtraStore } from "../store/zone-extras.ts";
import { RCODE } from "../wire/dns/mod.ts";
import type { Handlers } from "./api/serve.ts";
import type { Deps } from "./deps.ts";
import { giveSecrets } from "./give-secrets.ts";

const KEYS_MAX = 10;
const SECRET_BYTES = 32;
/** Long enough for a certificate authority to look, and for nobody to live on it. */
const CHALLENGE_MS = 3_600_000;
const CHALLENGES_MAX = 100;
const CHALLENGE_BYTES_MAX = 255;
const SWEEP_MS = 60_000;
const LABEL = "_acme-challenge.";

export type ExtraHandlers = Pick<Handlers, "listTsigKeys" | "createTsigKey" | "deleteTsigKey">;

/**
 * TSIG keys of customers, the challenges that holders of such keys have set, and those of certificates
 * that we order ourselves: what name servers get besides snapshots.
 */
export class ZoneExtras {
  readonly handlers: ExtraHandlers;
  readonly #deps: Deps;
  readonly #store: ZoneExtraStore;
  readonly #stops: (() => void)[];
  #keys: readonly StoredTsig[];
  #challenges: readonly Challenge[];
  #caa: readonly string[] | null = null;
  #digest = "";

  /** @throws Fault `store-corrupt`, `store-full` or `store-busy` */
  constructor(o: { readonly dataDir: string; readonly deps: Deps }) {
    const { deps, dataDir } = o;
    this.#deps = deps;
    const path = join(dataDir, "zone-extras.db");
    const masterPath = join(dataDir, "zone-extras.secret");
    this.#store = new ZoneExtraStore({ path, masterPath, rng: deps.rng });
    this.#keys = this.#store.listTsig();
    this.#challenges = this.#store.listChallenges();
    this.#count();
    const timer = setInterval(() => this.#expire(), SWEEP_MS);
    timer.unref();
    this.#stops = [
      giveSecrets("zone.extras", deps, () => ({ digest: this.#digest, ...this.extras() })),
      () => clearInterval(timer),
      deps.bus.respond("challenge.update", async (ask) => ({ rcode: await this.update(ask) })),
    ];
    this.handlers = this.#handlersOf();
  }

  stop(): void {
    for (const end of this.#stops) end();
    this.#store.close();
  }

  extras(): ServerExtras {
    const tsig = this.#keys.map(({ createdMs: _, ...key }) => key);
    const caa = this.#caa === null ? {} : { caa: this.#caa };
    return { tsig, challenges: this.#challenges, ...caa };
  }

  /** Takes an update whole or not at all; a response code (RFC 2136 3). */
  async update(ask: { customer: string; steps: readonly ChallengeStep[] }): Promise<number> {
    const { network } = await this.#deps.store.intents.read();
    const customer = network?.customers.find((each) => each.name === ask.customer);
    if (customer === undefined || network === null || network === undefined) return RCODE.REFUSED;
    const mine = (step: ChallengeStep) => holderOf(network, step.name) === customer.name;
    if (!ask.steps.every(mine)) return RCODE.REFUSED;
    const nowMs = this.#deps.clock.wallMs();
    let next = this.#challenges.filter((each) => each.expiresMs > nowMs);
    for (const { action, name, value } of ask.steps) {
      next = next.filter((each) => {
        return each.name !== name || (value !== null && each.value !== value);
      });
      if (action === "remove" || value === null) continue;
      if (new TextEncoder().encode(value).length > CHALLENGE_BYTES_MAX) return RCODE.REFUSED;
      next.push({ customer: customer.name, name, value, expiresMs: nowMs + CHALLENGE_MS });
    }
    if (next.filter((each) => each.customer === customer.name).length > CHALLENGES_MAX) {
      return RCODE.REFUSED;
    }
    const names = [...new Set(ask.steps.map((step) => step.name))];
    const changes = ask.steps.map(
      ({ action, name }) => `${action === "add" ? "+" : "-"} ${name} TXT`,
    );
    await this.#deps.store.audits.add({
      atMs: nowMs,
      actor: "dns update",
      customer: customer.name,
      action: "challenge.update",
      subject: names.join(" ").slice(0, 200),
      changes: changes.slice(0, CHALLENGES_MAX),
    });
    this.#keep(next);
    return RCODE.NOERROR;
  }

  /** Has name servers answer with a challenge of an order of our own, for an hour at most. */
  show(of: { readonly customer: string; readonly name: string; readonly value: string }): void {
    const expiresMs = this.#deps.clock.wallMs() + CHALLENGE_MS;
    this.#keep([...this.#without(of), { ...of, expiresMs }]);
  }

  withdraw(of: { readonly name: string; readonly value: string }): void {
    const left = this.#without(of);
    if (left.length < this.#challenges.length) this.#keep(left);
  }

  /** What name servers answer for CAA at the network's own zone. */
  setCaa(values: readonly string[]): void {
    if (JSON.stringify(this.#caa) === JSON.stringify(values)) return;
    this.#caa = values;
    this.#changed();
  }

  #without({ name, value }: { readonly name: string; readonly value: string }): Challenge[] {
    return this.#challenges.filter((each) => each.name !== name || each.value !== value);
  }

  #keep(challenges: readonly Challenge[]): void {
    this.#store.putChallenges(challenges);
    this.#challenges = challenges;
    this.#changed();
  }

  #expire(): void {
    const nowMs = this.#deps.clock.wallMs();
    const left = this.#challenges.filter((each) => each.expiresMs > nowMs);
    if (left.length < this.#challenges.length) this.#keep(left);
  }

  #changed(): void {
    this.#count();
    this.#deps.bus.publish("zone.extras.changed", {});
  }

  #count(): void {
    this.#digest = createHash("sha256").update(JSON.stringify(this.extras())).digest("hex");
  }

  #handlersOf(): ExtraHandlers {
    const { store, clock, rng } = this.#deps;
    const known = async (name: string) => {
      const { network } = await store.intents.read();
      if (!network?.customers.some((each) => each.name === name))
        throw new Fault("not-found", name);
    };
    const note = (actor: string, customer: string, what: { action: string; subject: string }) =>
      store.audits.add({ atMs: clock.wallMs(), actor, customer, ...what, changes: [] });
    return {
      listTsigKeys: async ({ params }) => {
        const own = this.#keys.filter((key) => key.customer === params.customer);
        // What a removed customer left can be seen, and so removed.
        if (own.length === 0) await known(params.customer);
        return own.map(rowOf);
      },
      createTsigKey: async ({ caller, params, body }) => {
        const { customer } = params;
        await known(customer);
        const own = this.#keys.filter((key) => key.customer === customer);
        if (own.length >= KEYS_MAX) {
          const message = `expected at most ${KEYS_MAX} keys`;
          throw new Fault("bad-input", "", { problems: [{ path: "key", message }] });
        }
        const key = made(customer, body, {
          nowMs: clock.wallMs(),
          secret: rng.bytes(SECRET_BYTES),
        });
        this.#store.addTsig(key);
        this.#keys = this.#store.listTsig();
        this.#changed();
        await note(caller.actor, customer, { action: "tsig.create", subject: key.name });
        return { ...rowOf(key), secret: key.secret };
      },
      deleteTsigKey: async ({ caller, params }) => {
        const name = tsigName(params.key, params.customer);
        if (!this.#keys.some((key) => key.name === name)) throw new Fault("not-found", name);
        this.#store.dropTsig(name);
        this.#keys = this.#store.listTsig();
        this.#changed();
        await note(caller.actor, params.customer, { action: "tsig.delete", subject: name });
        return undefined;
      },
    };
  }
}

function made(
  customer: string,
  { key, use, algorithm }: z.infer<typeof tsigKeyCreate>,
  o: { readonly nowMs: number; readonly secret: Uint8Array },
): StoredTsig {
  const secret = Buffer.from(o.secret).toString("base64");
  const name = tsigName(key, customer);
  return { name, customer, use, algorithm, secret, createdMs: o.nowMs };
}

function rowOf({ name, use, algorithm, createdMs }: StoredTsig): TsigKeyRow {
  const key = name.slice(0, name.lastIndexOf("."));
  return { name, key, use, algorithm, createdAt: new Date(createdMs).toISOString() };
}

/**
 * Whose zone or delegated hostname, the nearest above, holds an `_acme-challenge` name; null where nobody's
 * does. A zone of another customer's may lie below one's own.
 */
function holderOf(network: Network, name: string): string | null {
  if (!name.startsWith(LABEL)) return null;
  const of = name.slice(LABEL.length);
  let nearest = { name: "", customer: "" };
  for (const customer of network.customers) {
    for (const wanted of wantedBy(customer)) {
      if (wanted.kind !== "zone" || !within(of, wanted.name)) continue;
      if (wanted.name.length > nearest.name.length) {
        nearest = { name: wanted.name, customer: customer.name };
      }
    }
  }
  return nearest.name === "" ? null : nearest.customer;
}
