import { join } from "node:path";
import { Hono } from "hono";
import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { listenFault } from "../base/listen-fault.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Bus } from "../bus/mod.ts";
import { API_PREFIX } from "../model/api/mod.ts";
import type { Feed } from "../model/feed.ts";
import type { NameResolver } from "../model/resolver.ts";
import { openSqliteStore } from "../store/mod.ts";
import {
  AcmeBook,
  type ObtainedHandlers,
  type OpenTransport,
  obtainedHandlers,
} from "./acme/mod.ts";
import { AddressWebhooks } from "./address-webhook.ts";
import { AddressSigner } from "./addresses.ts";
import { controlHandlers, type Parts } from "./api/handlers.ts";
import { metricsText } from "./api/metrics.ts";
import { openApiDocument } from "./api/openapi.ts";
import { API_HEADERS, problemResponse } from "./api/problem.ts";
import { type Handlers, serve } from "./api/serve.ts";
import { Auth } from "./auth.ts";
import { certificateSamples, type Family } from "./certificate-metrics.ts";
import { CertificateBook, type CertificateHandlers } from "./certificates.ts";
import { Changer } from "./change.ts";
import { ClaimBook } from "./claims.ts";
import { servePurges } from "./commands/purge.ts";
import { type CredentialHandlers, mountCredentials } from "./credentials.ts";
import type { Deps } from "./deps.ts";
import { digestKeyAt } from "./give-secrets.ts";
import { History } from "./history.ts";
import { type BillingHandlers, mountBilling } from "./invoices-routes.ts";
import { type KeyHandlers, mountKeys } from "./keys-routes.ts";
import { LiveBook } from "./live.ts";
import { LogTails } from "./log-tails.ts";
import { NetworkBook } from "./networks.ts";
import { OriginHosts } from "./origin-hosts.ts";
import { type Publisher, startPublisher } from "./publish.ts";
import { servePurgeMethod } from "./purge-method.ts";
import { SetUpChecker } from "./set-up.ts";
import { mountSigningKeys, type SigningKeyHandlers } from "./signing-keys.ts";
import { DemandBook } from "./simulate.ts";
import { Throttle } from "./throttle.ts";
import { mountTierKeys } from "./tier-keys.ts";
import { WhyNotBook } from "./why-not.ts";
import { type ExtraHandlers, ZoneExtras } from "./zone-extras.ts";

const VERSION = "0.1.0";
/** A network file at most; the API holds each route to less. */
const BODY_BYTES_MAX = 34_000_000;

export interface ControlOptions {
  /** Where the database is; made if it is not there. */
  readonly dataDir: string;
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number };
  readonly bus: Bus;
  readonly feed: Feed;
  readonly operator?: { readonly email: string; readonly password: string };
  /** Looks for proofs of ownership, and whether names lead here; without it nothing is seen. */
  readonly resolver?: NameResolver;
  /** How certificate authorities are spoken to; by HTTPS where it is left out. */
  readonly openTransport?: OpenTransport;
  /** Answers what is not the API's: the portal. */
  readonly portal?: (request: Request) => Promise<Response | null>;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

export interface Control {
  readonly port: number;
  readonly url: string;
  /** Looks for proofs of claims that are due, as it does each minute. */
  sweepClaims(): Promise<void>;
  /** Orders certificates that are due, as it does every 2 s, and waits until nothing is under way. */
  settleCertificates(): Promise<void>;
  /** Tells webhooks that were not told of addresses and are due again, as it does each second. */
  tellAddresses(): Promise<void>;
  /** Looks up web servers' names that are due, as it does each second. */
  lookUpHosts(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts the control role: the store, the API with the portal behind it, and what it answers on
 * the bus. What is running keeps serving when it stops.
 *
 * @throws Fault `store-corrupt`, `store-full`, `store-busy`, `port-in-use`
 */
export async function startControl(o: ControlOptions): Promise<Control> {
  const { bus, feed, clock, rng, log } = o;
  const store = await openSqliteStore(join(o.dataDir, "control.db"), rng);
  const stops: (() => void | Promise<void>)[] = [() => store.close()];
  const stop = async () => {
    for (const end of stops.reverse()) await end();
  };
  try {
    const broken = await store.audits.verify();
    if (broken !== null) log.error("The audit was tampered with", { firstBadEntry: broken });
    const auth = new Auth({ store, clock, rng, log });
    if (o.operator !== undefined) await auth.setOperator(o.operator.email, o.operator.password);
    const publisher = await startPublisher({ store, bus, log });
    stops.push(() => publisher.stop());
    const books = openBooks(o, publisher, stops);
    const digestKey = digestKeyAt(join(o.dataDir, "digests.secret"), o);
    const deps: Deps = { store, bus, feed, clock, rng, log, publisher, digestKey, ...books };
    const purges = new Throttle(clock, { perSec: 50, burst: 500 });
    stops.push(servePurges(deps), servePurgeMethod({ deps, auth, purges }));
    const billing = mountBilling({ dataDir: o.dataDir, deps });
    stops.push(() => billing.stop());
    const keys = mountKeys({ dataDir: o.dataDir, deps });
    stops.push(() => keys.stop());
    const resolver = o.resolver ?? null;
    const secrets = await mountSecrets({ ...o, deps, resolver }, stops);
    const changer = new Changer(deps, secrets.webhooks);
    books.hosts.start(() => changer.readdress());
    const claims = new ClaimBook({ deps, changer, resolver });
    const checker = new SetUpChecker({ deps, resolver, dsOf: keys.dsOf });
    stops.push(() => claims.stop());
    const requests = new Map<string, number>();
    const handlers = {
      ...billing.handlers,
      ...keys.handlers,
      ...secrets.handlers,
    };
    const app = appOf({
      parts: { deps, auth, changer, claims, checker, counted: billing.counted, purges },
      mounted: handlers,
      requests,
      addressOf: (r) => addresses.get(r) ?? "",
      families: secrets.families,
    });
    const server = listen(o, async (request) => {
      const path = new URL(request.url).pathname;
      const ours = path.startsWith("/api/") || path === "/healthz" || path === "/metrics";
      const response = ours ? null : await o.portal?.(request);
      return response ?? (await app.fetch(request));
    });
    stops.push(() => server.stop(true));
    const { port } = server;
    const host = o.listen.host.includes(":") ? `[${o.listen.host}]` : o.listen.host;
    const url = `http://${host}:${port}`;
    log.info("The control plane listens", { url });
    const settleCertificates = () => secrets.acme.settle();
    const sweepClaims = () => claims.sweep();
    const lookUpHosts = () => books.hosts.turn();
    const tellAddresses = () => secrets.webhooks.again();
    const turns = { sweepClaims, lookUpHosts, settleCertificates, tellAddresses };
    return { port: port ?? 0, url, ...turns, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What is known of the network as it runs, each kept up to date by itself. */
function openBooks(o: ControlOptions, publisher: Publisher, stops: (() => unknown)[]) {
  const { bus, feed, clock, rng, log } = o;
  const resolver = o.resolver ?? null;
  const hosts = new OriginHosts({ resolver, clock, log, latest: () => publisher.latest() });
  const live = new LiveBook({
    ...{ bus, feed, clock },
    hostProblem: (host) => hosts.problem(host),
  });
  const whyNot = new WhyNotBook({ bus, feed, clock });
  const tails = new LogTails({ bus, clock, rng });
  const networks = new NetworkBook({ bus, feed, clock });
  const demand = new DemandBook({ bus, feed, clock });
  const history = new History({
    path: join(o.dataDir, "history.db"),
    ...{ bus, feed, clock, log },
    demand: () => demand.demand(),
  });
  const books = [live, whyNot, networks, tails, demand, history, hosts];
  for (const book of books) stops.push(() => book.stop());
  return { live, whyNot, networks, tails, demand, history, hosts };
}

type SecretHandlers = SigningKeyHandlers &
  CredentialHandlers &
  CertificateHandlers &
  ExtraHandlers &
  ObtainedHandlers &
  Pick<Handlers, "readAddresses">;

/** What caches are told and no snapshot says, and what is signed for those whom they ask. */
async function mountSecrets(
  o: Pick<ControlOptions, "dataDir" | "openTransport"> & {
    readonly deps: Deps;
    readonly resolver: NameResolver | null;
  },
  stops: (() => unknown)[],
): Promise<{
  readonly handlers: SecretHandlers;
  readonly webhooks: AddressWebhooks;
  readonly acme: AcmeBook;
  readonly families: () => readonly Family[];
}> {
  const { publisher, clock, rng, log } = o.deps;
  const signer = await AddressSigner.open({ dataDir: o.dataDir, rng });
  const webhooks = new AddressWebhooks({ signer, resolver: o.resolver, clock, log });
  stops.push(() => webhooks.stop());
  const signing = mountSigningKeys(o);
  stops.push(() => signing.stop());
  const credentials = mountCredentials(o);
  stops.push(() => credentials.stop());
  const tierKeys = await mountTierKeys(o);
  stops.push(() => tierKeys.stop());
  const certificates = new CertificateBook(o);
  stops.push(() => certificates.stop());
  const extras = new ZoneExtras(o);
  stops.push(() => extras.stop());
  const acme = new AcmeBook({ ...o, certificates, extras });
  stops.push(() => acme.stop());
  const readAddresses: Handlers["readAddresses"] = async () => {
    const latest = publisher.latest();
    if (latest === null) throw new Fault("not-found", "addresses");
    return signer.of(latest);
  };
  return {
    handlers: {
      ...signing.handlers,
      ...credentials.handlers,
      ...certificates.handlers,
      ...extras.handlers,
      ...obtainedHandlers(acme),
      readAddresses,
    },
    acme,
    families: () => certificateSamples(certificates.figures(), acme.figures()),
    webhooks,
  };
}

/** The socket's address of each request that is being answered. */
const addresses = new WeakMap<Request, string>();

function appOf(o: {
  readonly parts: Parts;
  readonly mounted: BillingHandlers & KeyHandlers & SecretHandlers;
  readonly requests: Map<string, number>;
  readonly addressOf: (request: Request) => string;
  /** What else metrics tell. */
  readonly families: () => readonly Family[];
}): Hono {
  const { parts, mounted, requests, addressOf } = o;
  const { deps, auth } = parts;
  const { log } = deps;
  const app = new Hono();
  const document = openApiDocument(VERSION);
  app.use(`${API_PREFIX}/*`, async (c, next) => {
    await next();
    const klass = `${Math.floor(c.res.status / 100)}xx`;
    requests.set(klass, (requests.get(klass) ?? 0) + 1);
  });
  app.get(`${API_PREFIX}/openapi.json`, () => Response.json(document, { headers: API_HEADERS }));
  app.get("/healthz", () => Response.json({ ok: true }, { headers: API_HEADERS }));
  app.get("/metrics", () => {
    const headers = { ...API_HEADERS, "content-type": "text/plain; version=0.0.4" };
    return new Response(metricsText(deps, requests, o.families()), { headers });
  });
  const handlers: Handlers = { ...controlHandlers(parts), ...mounted };
  serve(app, handlers, { auth, log, addressOf });
  app.notFound((c) => problemResponse(new Fault("not-found", c.req.path), log));
  app.onError((error) => problemResponse(error, log));
  return app;
}

function listen(o: ControlOptions, answer: (request: Request) => Promise<Response>) {
  const { host, port } = o.listen;
  try {
    return Bun.serve({
      hostname: host,
      port,
      maxRequestBodySize: BODY_BYTES_MAX,
      idleTimeout: 30,
      fetch: async (request, server) => {
        addresses.set(request, server.requestIP(request)?.address ?? "");
        try {
          return await answer(request);
        } catch (error) {
          return problemResponse(error, o.log);
        }
      },
    });
  } catch (error) {
    throw listenFault(error, `${host} port ${port} (control)`);
  }
}
