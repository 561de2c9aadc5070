import { createHash } from "node:crypto";
import { join } from "node:path";
import { Fault } from "../base/fault.ts";
import type { SigningKeySet } from "../model/signing-keys.ts";
import { SigningKeyStore } from "../store/signing-keys.ts";
import type { Handlers } from "./api/serve.ts";
import type { Caller } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { giveSecrets } from "./give-secrets.ts";

const KEYS_OF_CUSTOMER_MAX = 16;
const SECRET_BYTES = 32;

export type SigningKeyHandlers = Pick<
  Handlers,
  "listSigningKeys" | "putSigningKey" | "deleteSigningKey"
>;

/**
 * Opens customers' keys for signed addresses, hands them to caches over the bus, and gives their
 * routes. A secret is shown once, to whoever makes it.
 *
 * @throws Fault `store-corrupt`, `store-full` or `store-busy`
 */
export function mountSigningKeys(o: { readonly dataDir: string; readonly deps: Deps }): {
  readonly handlers: SigningKeyHandlers;
  stop(): void;
} {
  const { rng } = o.deps;
  const path = join(o.dataDir, "signing-keys.db");
  const masterPath = join(o.dataDir, "signing-keys.secret");
  const store = new SigningKeyStore({ path, masterPath, rng });
  let set = setOf(store);
  const changed = () => {
    set = setOf(store);
  };
  const unmount = giveSecrets("signing.keys", o.deps, () => set);
  return {
    handlers: handlersOf(o.deps, store, changed),
    stop: () => {
      unmount();
      store.close();
    },
  };
}

function setOf(store: SigningKeyStore): SigningKeySet {
  const keys = store.list().map(({ customer, name, secret }) => ({ customer, name, secret }));
  return { digest: createHash("sha256").update(JSON.stringify(keys)).digest("hex"), keys };
}

function handlersOf(deps: Deps, store: SigningKeyStore, changed: () => void): SigningKeyHandlers {
  return {
    listSigningKeys: async ({ params }) => {
      const { customer } = params;
      const { network } = await deps.store.intents.read();
      const owner = network?.customers.find((one) => one.name === customer);
      const own = store.list().filter((key) => key.customer === customer);
      // What a removed customer left can be seen, and so removed.
      if (owner === undefined && own.length === 0) throw new Fault("not-found", customer);
      const sites = owner?.sites ?? [];
      return own.map(({ name, madeMs }) => ({
        name,
        madeAt: new Date(madeMs).toISOString(),
        rules: sites.flatMap(({ hostname, rules = [] }) =>
          rules
            .filter(
              ({ signed }) =>
                signed !== undefined && signed !== false && signed.keys.includes(name),
            )
            .map((rule) => `${hostname} ${rule.name}`),
        ),
      }));
    },
    putSigningKey: async ({ caller, params, body }) => {
      const { customer, name } = params;
      const { network } = await deps.store.intents.read();
      if (!network?.customers.some((one) => one.name === customer)) {
        throw new Fault("not-found", customer);
      }
      const others = store.list().filter((key) => key.customer === customer && key.name !== name);
      if (others.length >= KEYS_OF_CUSTOMER_MAX) {
        throw new Fault("conflict", `${customer} has ${KEYS_OF_CUSTOMER_MAX} keys already`);
      }
      const secret = body.secret ?? Buffer.from(deps.rng.bytes(SECRET_BYTES)).toString("base64");
      store.put({ customer, name, secret, madeMs: deps.clock.wallMs() });
      changed();
      await audit(deps, caller, { customer, name, act: "put" });
      return { name, secret };
    },
    deleteSigningKey: async ({ caller, params }) => {
      const { customer, name } = params;
      if (!store.remove(customer, name)) throw new Fault("not-found", name);
      changed();
      await audit(deps, caller, { customer, name, act: "delete" });
      return undefined;
    },
  };
}

function audit(
  deps: Deps,
  caller: Caller,
  of: { readonly customer: string; readonly name: string; readonly act: string },
): Promise<void> {
  return deps.store.audits.add({
    ...{ atMs: deps.clock.wallMs(), actor: caller.actor, customer: of.customer },
    ...{ action: `signing-key.${of.act}`, subject: `signing-key/${of.name}` },
    changes: [`${of.act === "put" ? "+" : "-"} ${of.name}`],
  });
}
