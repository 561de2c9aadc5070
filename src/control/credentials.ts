import { createHash, createPrivateKey, X509Certificate } from "node:crypto";
import { join } from "node:path";
import { Fault } from "../base/fault.ts";
import type { Problem } from "../base/result.ts";
import type { CredentialPut } from "../model/api/mod.ts";
import type { OriginCredential, OriginCredentialSet } from "../model/origin-credential.ts";
import type { Site } from "../model/site.ts";
import { OriginCredentialStore } from "../store/origin-credentials.ts";
import type { Handlers } from "./api/serve.ts";
import type { Deps } from "./deps.ts";
import { giveSecrets } from "./give-secrets.ts";

const CREDENTIALS_OF_CUSTOMER_MAX = 32;
const VALUE_BYTES = 32;

export type CredentialHandlers = Pick<
  Handlers,
  "listCredentials" | "putCredential" | "deleteCredential"
>;

/**
 * Opens customers' credentials for their web servers, hands them to caches and probes over the bus, and
 * gives their routes. No route gives a secret but the one that made it.
 *
 * @throws Fault `store-corrupt`, `store-full` or `store-busy`
 */
export function mountCredentials(o: { readonly dataDir: string; readonly deps: Deps }): {
  readonly handlers: CredentialHandlers;
  stop(): void;
} {
  const { rng } = o.deps;
  const path = join(o.dataDir, "origin-credentials.db");
  const masterPath = join(o.dataDir, "origin-credentials.secret");
  const store = new OriginCredentialStore({ path, masterPath, rng });
  let set = setOf(store);
  const changed = () => {
    set = setOf(store);
  };
  const unmount = giveSecrets("origin.credentials", o.deps, () => set);
  return {
    handlers: handlersOf(o.deps, store, changed),
    stop: () => {
      unmount();
      store.close();
    },
  };
}

function setOf(store: OriginCredentialStore): OriginCredentialSet {
  const credentials = store.list().map(({ madeMs: _, ...rest }) => rest);
  const digest = createHash("sha256").update(JSON.stringify(credentials)).digest("hex");
  return { digest, credentials };
}

function handlersOf(
  deps: Deps,
  store: OriginCredentialStore,
  changed: () => void,
): CredentialHandlers {
  const sitesOf = async (customer: string): Promise<readonly Site[] | null> => {
    const { network } = await deps.store.intents.read();
    return network?.customers.find((one) => one.name === customer)?.sites ?? null;
  };
  const audit = (actor: string, act: string, of: { customer: string; name: string }) =>
    deps.store.audits.add({
      ...{ atMs: deps.clock.wallMs(), actor, customer: of.customer },
      ...{ action: `credential.${act}`, subject: `credential/${of.name}` },
      changes: [`${act === "put" ? "+" : "-"} ${of.name}`],
    });
  return {
    listCredentials: async ({ params }) => {
      const { customer } = params;
      const found = await sitesOf(customer);
      const own = store.list().filter((one) => one.customer === customer);
      // What a removed customer left can be seen, and so removed.
      if (found === null && own.length === 0) throw new Fault("not-found", customer);
      const sites = found ?? [];
      return own.map(({ name, credential, madeMs }) => ({
        ...{ name, kind: credential.kind, about: aboutOf(credential) },
        madeAt: new Date(madeMs).toISOString(),
        sites: sites.filter((site) => namedBy(site).includes(name)).map((site) => site.hostname),
      }));
    },
    putCredential: async ({ caller, params, body }) => {
      const { customer, name } = params;
      if ((await sitesOf(customer)) === null) throw new Fault("not-found", customer);
      const others = store.list().filter((one) => one.customer === customer && one.name !== name);
      if (others.length >= CREDENTIALS_OF_CUSTOMER_MAX) {
        const most = `${customer} has ${CREDENTIALS_OF_CUSTOMER_MAX} credentials already`;
        throw new Fault("conflict", most);
      }
      const { credential, made } = credentialOf(body, deps);
      const problems = problemsOf(credential);
      if (problems.length > 0) throw new Fault("bad-input", name, { problems });
      store.put({ customer, name, credential, madeMs: deps.clock.wallMs() });
      changed();
      await audit(caller.actor, "put", params);
      return { name, kind: credential.kind, ...(made === null ? {} : { value: made }) };
    },
    deleteCredential: async ({ caller, params }) => {
      const { customer, name } = params;
      if (!store.remove(customer, name)) throw new Fault("not-found", name);
      changed();
      await audit(caller.actor, "delete", params);
      return undefined;
    },
  };
}

/** The names of credentials that a site's `fetch` names. */
function namedBy({ fetch }: Site): readonly string[] {
  const { secret, certificate, s3 } = fetch ?? {};
  return [...(secret?.keys ?? []), ...(certificate ? [certificate] : []), ...(s3 ? [s3.key] : [])];
}

/** What was given, with its value made where there is none. */
function credentialOf(
  given: CredentialPut,
  { rng }: Deps,
): { readonly credential: OriginCredential; readonly made: string | null } {
  if (given.kind !== "value") return { credential: given, made: null };
  if (given.value !== undefined) {
    return { credential: { kind: "value", value: given.value }, made: null };
  }
  const made = Buffer.from(rng.bytes(VALUE_BYTES)).toString("base64url");
  return { credential: { kind: "value", value: made }, made };
}

function aboutOf(credential: OriginCredential): string {
  if (credential.kind === "access-key") return credential.id;
  if (credential.kind === "value") return "";
  const { subject, validTo } = new X509Certificate(credential.certificate);
  return `${subject.replaceAll("\n", ", ")}, until ${new Date(validTo).toISOString().slice(0, 10)}`;
}

/** A certificate that cannot be read, or whose key is another. Says nothing of the key. */
function problemsOf(credential: OriginCredential): Problem[] {
  if (credential.kind !== "certificate") return [];
  const certificate = readOr(() => new X509Certificate(credential.certificate));
  const key = readOr(() => createPrivateKey(credential.privateKey));
  const problems: Problem[] = [];
  const add = (path: string, message: string) => {
    problems.push({ path, message, received: "PEM" });
  };
  if (certificate === null) add("certificate", "expected an X.509 certificate in PEM");
  if (key === null) add("privateKey", "expected a private key in PEM, unencrypted");
  if (certificate !== null && key !== null && !certificate.checkPrivateKey(key)) {
    add("privateKey", "expected the certificate's own private key");
  }
  return problems;
}

function readOr<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
