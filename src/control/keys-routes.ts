import { join } from "node:path";
import { Fault } from "../base/fault.ts";
import type { Network } from "../model/network.ts";
import { ZoneKeyStore } from "../store/zone-keys.ts";
import type { Handlers } from "./api/serve.ts";
import { type Caller, hasRole } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { giveSecrets } from "./give-secrets.ts";
import { ZoneKeyBook } from "./keys.ts";

export type KeyHandlers = Pick<Handlers, "readZoneKeys" | "rollZoneKey">;

export interface Keys {
  readonly handlers: KeyHandlers;
  /** The DS lines that a zone's parent is to have; none where the zone is not signed. */
  dsOf(zone: string): readonly string[];
  stop(): void;
}

/**
 * Opens the keys of signed zones, hands them to name servers over the bus, and gives the routes
 * that tell of their public parts.
 *
 * @throws Fault `store-corrupt`, `store-full` or `store-busy`
 */
export function mountKeys(o: { readonly dataDir: string; readonly deps: Deps }): Keys {
  const { clock, rng, publisher } = o.deps;
  const path = join(o.dataDir, "zone-keys.db");
  const masterPath = join(o.dataDir, "zone-keys.secret");
  const store = new ZoneKeyStore({ path, masterPath, rng });
  const book = new ZoneKeyBook({ store, clock, snapshot: () => publisher.latest() });
  const unmount = giveSecrets("zone.keys", o.deps, () => book.set());
  return {
    handlers: keyHandlers(o.deps, book),
    dsOf: (zone) => (book.isSigned(zone) ? book.view(zone).ds : []),
    stop: () => {
      unmount();
      store.close();
    },
  };
}

function keyHandlers(deps: Deps, book: ZoneKeyBook): KeyHandlers {
  return {
    readZoneKeys: async ({ caller, params }) => {
      await ownerOf(deps, caller, params.zone);
      return book.view(params.zone);
    },
    rollZoneKey: async ({ caller, params, body }) => {
      const { zone } = params;
      const customer = await ownerOf(deps, caller, zone);
      if (!hasRole(caller, "editor")) throw new Fault("not-allowed");
      const { step } = book.view(zone).next;
      const view = book.roll(zone, body.early);
      const changes = [`${step}${body.early ? " early" : ""}`];
      const entry = { actor: caller.actor, customer, action: "zone.roll", subject: zone, changes };
      await deps.store.audits.add({ atMs: deps.clock.wallMs(), ...entry });
      return view;
    },
  };
}

/** Whose zone it is; null for the network's own, which is the operator's. */
async function ownerOf(deps: Deps, caller: Caller, zone: string): Promise<string | null> {
  const { network } = await deps.store.intents.read();
  const customer = network === null ? undefined : customerOf(network, zone);
  const own = caller.kind === "operator" || customer === caller.customer;
  if (customer === undefined || !own) throw new Fault("not-found", zone);
  return customer;
}

function customerOf(network: Network, zone: string): string | null | undefined {
  if (zone === network.zone) return null;
  const owner = network.customers.find(
    ({ zones, sites }) =>
      zones.some((one) => one.name === zone) || sites.some((one) => one.hostname === zone),
  );
  return owner?.name;
}
