/**
 * The life of a request, one file per step, in this order:
 *
 *   recv     host, method and target checked: one site, one path     400 404 405 414 421 508
 *   tier     another cache of ours asks: as `recv`, and no rules   -> lookup
 *   known    the same URL as before, its object fresh in memory      -> deliver, nothing awaited
 *   rules    of the site: who may come in, redirects, the key       301 302 303 307 308 403 429
 *   upgrade  a WebSocket, where the site has them                  -> its server, for as long as it lasts
 *   lookup   memory, then disk, then what is held in parts; a worker of several asks its keeper next (hot/relay)
 *     hit    fresh, and this node is not behind the purge log        -> deliver
 *     stale  else                                                    -> fetch with conditions, at once
 *            or, within stale-while-revalidate, once it is delivered
 *     miss   nothing is held                                         -> fetch, others wait for it
 *     pass   other methods; keys known to be private                 -> fetch, alone
 *   fetch    the least-loaded origin, then the next                  502 503 504
 *   store    if RFC 9111 and the guards allow, for as long as the origin or a rule says
 *   deliver  fields as rules edit them, conditions, range, HEAD, body
 *   page     a rule's own in place of an error
 *   count    billed and shown
 *
 * A client's own Cache-Control does not make a shared cache fetch (a flood could use that); its
 * `no-store` is honoured: what it fetched is not kept.
 */
import { AssertionError, assert } from "../../base/assert.ts";
import type { ChangedOfSite } from "../../model/changed.ts";
import type { WhyHere } from "../../model/why.ts";
import { cacheKey } from "../../policy/caching/mod.ts";
import { formatHttpDate, writeCacheStatus } from "../../wire/http/mod.ts";
import { plainAddress } from "../../wire/ip/mod.ts";
import type { MemoryObject } from "../cache/mod.ts";
import { type Ask, askedOfUs, nothingSent, receive, relayedAsk, type Sent } from "./ask.ts";
import { challengePage } from "./challenge.ts";
import { outcomeCounted, whyCounted } from "./count.ts";
import { HELD, OUTCOME, type Relayed, UNKNOWN, WHY_NOT_TOLD } from "./crew.ts";
import { count, countBytes, deliver, type Held } from "./deliver.ts";
import { isHandedOver } from "./hand-over.ts";
import { type Prepared, ttlSec } from "./head.ts";
import { KnownUrls } from "./known.ts";
import { IDLE_SEC, MISS_IDLE_SEC } from "./limits.ts";
import { Misses } from "./miss.ts";
import { endChanged, pass, passHead } from "./pass.ts";
import { lend } from "./places.ts";
import { refusals, refuse } from "./refuse.ts";
import type { Keeper } from "./relay.ts";
import { isOnlyIfCached, namesConnection } from "./request-fields.ts";
import { RuleSteps } from "./rules.ts";
import { codingAwaited } from "./rules-encode.ts";
import { errorAnswer } from "./rules-page.ts";
import type { EdgeTable } from "./table.ts";
import { withTold } from "./tier.ts";
import { receiveFromCache } from "./tier-ask.ts";
import { whyOf } from "./why.ts";
import { type Connection, type ServeParts, Works } from "./works.ts";

export type { Connection } from "./works.ts";

const NO_CONNECTION: Connection = { requestIP: () => null, timeout: () => {} };

export class Server {
  readonly #parts: ServeParts;
  readonly #rules: RuleSteps;
  readonly #works: Works;
  readonly #misses: Misses;
  readonly #known: KnownUrls;

  constructor(parts: ServeParts) {
    this.#parts = parts;
    this.#works = new Works(parts);
    this.#rules = new RuleSteps(parts);
    this.#misses = new Misses(this.#works, (ask) => this.#lookupOnDisk(ask, this.#find(ask)));
    this.#known = new KnownUrls(parts.node, parts.keeper?.words ?? null);
    parts.cache.memory.onDrop = (object) => this.#known.forget(object);
  }

  /** Which connections have requests under way that are not answered at once, by the door they came to. */
  get busy(): Works["busy"] {
    return this.#works.busy;
  }

  /** A new table is in force: what URLs led to is looked up anew. */
  tableChanged(): void {
    this.#known.forgetAll();
  }

  /** Applies a purge; resolves when neither tier, nor anything under way, can serve the old object. */
  purge(key: string): Promise<void> {
    return this.#works.purge(key);
  }

  /** Through another cache an unsafe request changed these; resolves when nothing held here is served. */
  async changed(of: ChangedOfSite): Promise<void> {
    const entry = this.#parts.table()?.byHostname.get(of.site);
    // What is nobody's here, or another customer's by now, is served to nobody.
    if (entry?.customer !== of.customer) return;
    await endChanged(this.#works, of, { rules: entry.rules, where: "elsewhere" });
  }

  /** Bans came for this site: nothing under way is joined, and no URL is known any more. */
  banned(of: { readonly customer: string; readonly site: string }): void {
    this.#works.flights.leaveAll(cacheKey({ ...of, path: "/" }));
    this.#known.forgetSite(of);
  }

  /** @param sent told of what is sent of the body, also while a stream goes */
  handle(
    request: Request,
    connection: Connection,
    sent: Sent | null = null,
  ): Response | Promise<Response> {
    try {
      const known = this.#parts.behind()
        ? null
        : this.#known.serve(request, this.#parts.clock.wallMs(), sent);
      if (known !== null) return known;
      const answer = this.#serve(request, connection, sent);
      return request.method === "HEAD" ? this.#dated(answer) : answer;
    } catch (fault) {
      return this.#broken(fault);
    }
  }

  /** RFC 9110 6.6.1: the runtime sees to that, but for HEAD. */
  async #dated(answer: Response | Promise<Response>): Promise<Response> {
    const response = await answer;
    const { headers } = response;
    if (!headers.has("date")) headers.set("date", formatHttpDate(this.#works.nowMs()));
    return response;
  }

  #serve(
    request: Request,
    connection: Connection,
    sent: Sent | null,
  ): Response | Promise<Response> {
    const own = askedOfUs(request.url);
    if (own === "health") return new Response("ok");
    const client = plainAddress(connection.requestIP(request)?.address ?? "unknown");
    const told = own === null ? null : this.#parts.beacon(own, request, client);
    if (told !== null) return told;
    const { challenges } = this.#parts;
    const page = challenges === undefined ? null : challengePage(request, challenges);
    if (page !== null) return page;
    const table = this.#parts.table();
    if (table === null) return refuse(refusals.noSnapshot, this.#parts.node);
    if (own?.startsWith("tier/") === true) {
      const asked = this.#receiveFromCache(request, table);
      const { keeper } = this.#parts;
      if (asked !== null && keeper !== undefined) {
        return this.#underWay(request, connection, this.#relayTier(asked, connection, keeper));
      }
      if (asked !== null) return this.#tell(asked, connection);
    }
    const purged =
      request.method === "PURGE" ? this.#parts.purgeAsked(request, table, client) : null;
    if (purged !== null) return this.#underWay(request, connection, purged);
    const received =
      connection.over === "h3" && namesConnection(request.headers)
        ? refusals.connectionField
        : receive(request, table, client);
    if ("status" in received) return refuse(received, this.#parts.node);
    if (sent !== null) sent.owner = received.entry;
    const asked = this.#parts.keeper === undefined ? {} : { asked: received.path };
    const { ask, answer } = this.#rules.run({ ...received, ...asked, sent }, table);
    const response = answer ?? this.#look(ask, connection);
    return ask.ruled?.settle == null ? response : this.#paged(response, ask);
  }

  #receiveFromCache(request: Request, table: EdgeTable): Ask | null {
    const { node, tierKeys: keys, counts } = this.#parts;
    return receiveFromCache(request, { table, node, keys, counts, nowMs: this.#works.nowMs() });
  }

  /** Answers another cache of ours, and tells it what it must know beside that. */
  async #tell(ask: Ask, connection: Connection): Promise<Response> {
    connection.timeout(ask.request, MISS_IDLE_SEC);
    const behind = this.#works.isBehindOf(ask);
    const response = behind
      ? this.#underWay(ask.request, connection, pass(this.#works, ask, { why: "behind" }))
      : this.#look(ask, connection);
    return withTold(await response, ask);
  }

  /**
   * The keeper's answer to a worker: what is held as it is, all else as its client gets it. A worker that
   * has another snapshot is told so, and its client hears nothing of it.
   */
  async handleRelayed(request: Request, connection: Connection, of: Relayed): Promise<Response> {
    const table = this.#parts.table();
    if (table === null) return unknownHere();
    if (of.form === "tier") {
      const asked = this.#receiveFromCache(request, table);
      if (asked === null) return unknownHere();
      const response = await this.#tell(asked, connection);
      response.headers.delete(UNKNOWN);
      return response;
    }
    const received = relayedAsk(request, table, of);
    if (received === null) return unknownHere();
    const { ask, answer } = this.#rules.run(received, table, "relayed");
    const response = await (answer ?? this.#look(ask, connection));
    if (isHandedOver(response)) return response;
    response.headers.delete(HELD);
    response.headers.delete(UNKNOWN);
    response.headers.set(OUTCOME, outcomeCounted(received.entry.counts));
    const whyNot = whyCounted(received.entry.counts);
    if (whyNot === null) response.headers.delete(WHY_NOT_TOLD);
    else response.headers.set(WHY_NOT_TOLD, whyNot);
    return response;
  }

  /** The keeper's answer to a worker that needs a place at a server, beside those that were asked. */
  async lendRelayed(request: Request, of: Relayed, asked: ReadonlySet<string>): Promise<Response> {
    const table = this.#parts.table();
    const received = table === null ? null : relayedAsk(request, table, of);
    if (table === null || received === null) return unknownHere();
    const { ask } = this.#rules.run(received, table, "relayed");
    return lend(await this.#works.place(ask, asked), request.signal);
  }

  /** What would come of such a request at present, and why; null where no site here has that address. */
  why(request: Request, client: string): Promise<WhyHere | null> {
    const table = this.#parts.table();
    if (table === null) return Promise.resolve(null);
    return whyOf(this.#works, this.#rules, { table, request, client });
  }

  /** The steps after the rules. */
  #look(ask: Ask, connection: Connection): Response | Promise<Response> {
    const { request } = ask;
    const { keeper } = this.#parts;
    if (ask.tier === undefined && this.#works.isUpgrade(ask)) {
      // Until its connection is none any more.
      this.#works.underWay(request, connection);
      return this.#guarded(this.#works.upgrade(ask, connection));
    }
    if (ask.method !== "GET" && ask.method !== "HEAD") {
      // The runtime counts from here on whatever comes: an upload is alive as long as it moves.
      const alive = () => connection.timeout(request, MISS_IDLE_SEC);
      const answer = (one: Ask) =>
        keeper === undefined
          ? pass(this.#works, { ...one, alive })
          : this.#relayed({ ...one, alive }, keeper);
      return this.#patiently(ask, connection, answer);
    }
    const object = this.#find(ask);
    if (object !== null && this.#works.isFresh(object.meta)) {
      const coded = codingAwaited(object, ask);
      if (coded === null) return this.#hit(object, ask);
      return this.#guarded(coded.then(() => this.#lookAgain(object, ask, connection)));
    }
    if (keeper !== undefined) {
      return this.#patiently(ask, connection, (one) => this.#relay(one, keeper));
    }
    if (object !== null && this.#works.mayRevalidateLater(object.meta)) {
      return this.#meanwhile(object, { ...ask, ...this.#works.turnOf(ask, connection) });
    }
    return this.#patiently(ask, connection, (one) => this.#lookupOnDisk(one, object));
  }

  /** What was found may have been ended while its coding was waited for. */
  #lookAgain(
    object: MemoryObject<Prepared>,
    ask: Ask,
    connection: Connection,
  ): Response | Promise<Response> {
    const stays = object.alive && this.#find(ask) === object && this.#works.isFresh(object.meta);
    return stays ? this.#hit(object, ask) : this.#look(ask, connection);
  }

  /** The client's connection may be quiet while a web server is asked, and no longer than that. */
  async #patiently(
    ask: Ask,
    connection: Connection,
    answer: (ask: Ask) => Promise<Response>,
  ): Promise<Response> {
    const { request } = ask;
    connection.timeout(request, MISS_IDLE_SEC);
    const ended = this.#works.underWay(request, connection);
    const over = () => {
      connection.timeout(request, IDLE_SEC);
      ended();
    };
    const sent = ask.sent ?? nothingSent(false);
    const turn = this.#works.turnOf(ask, connection);
    const response = await this.#guarded(answer({ ...ask, sent, over, ...turn }));
    if (!sent.streamed) over();
    else request.signal.addEventListener("abort", ended, { once: true });
    return response;
  }

  /** What another cache asks the keeper answers, as it is; without the keeper, this worker does. */
  async #relayTier(asked: Ask, connection: Connection, keeper: Keeper): Promise<Response> {
    connection.timeout(asked.request, MISS_IDLE_SEC);
    const answer = await keeper.askTier(asked, this.#works);
    return answer ?? withTold(await this.#lookupOnDisk(asked, null), asked);
  }

  /** What only the keeper can do. */
  async #relayed(ask: Ask, keeper: Keeper): Promise<Response> {
    const response = await keeper.ask(ask, this.#works);
    return response ?? this.#works.refused(ask, refusals.badGateway);
  }

  /** The step `relay`, of a worker; without the keeper it fetches itself, and keeps nothing. */
  async #relay(ask: Ask, keeper: Keeper): Promise<Response> {
    const response = await keeper.ask(ask, this.#works);
    return response ?? this.#lookupOnDisk(ask, null);
  }

  /** The step `page`. */
  async #paged(came: Response | Promise<Response>, ask: Ask): Promise<Response> {
    const response = await came;
    const { node } = this.#works;
    const look = (page: Ask) => this.#look(page, NO_CONNECTION);
    const page =
      response.status < 400
        ? null
        : await errorAnswer(response, ask, { node, look }).catch(() => null);
    ask.ruled?.settle?.(page === null);
    return page ?? response;
  }

  /** Its connection is not taken for an idle one meanwhile. */
  #underWay(
    request: Request,
    connection: Connection,
    response: Promise<Response>,
  ): Promise<Response> {
    const ended = this.#works.underWay(request, connection);
    return this.#guarded(response).finally(ended);
  }

  #guarded(response: Promise<Response>): Promise<Response> {
    return response.catch((fault: unknown) => this.#broken(fault));
  }

  #broken(fault: unknown): Response {
    const words = fault instanceof AssertionError ? "A bug: an invariant broke" : "A bug";
    this.#parts.log.error(words, { fault });
    return refuse(refusals.broken, this.#parts.node);
  }

  /** The object in memory that answers, unless a purge forbids it. */
  #find(ask: Ask): MemoryObject<Prepared> | null {
    const object = this.#works.cache.find(ask.key, ask.get);
    if (object === null || this.#works.isBanned(object.meta)) return null;
    return this.#isCurrent(object) ? object : null;
  }

  /** Of a worker: that the keeper has purged nothing of it since. */
  #isCurrent({ stamp }: MemoryObject<Prepared>): boolean {
    const { keeper } = this.#parts;
    return keeper === undefined || (stamp !== null && keeper.words.isCurrent(stamp));
  }

  /**
   * The step `lookup`, second tier.
   *
   * @param o.awaits a coding, where the client takes nothing else; once, for it may end what it is made of
   */
  async #lookupOnDisk(
    ask: Ask,
    inMemory: MemoryObject<Prepared> | null,
    { awaits }: { readonly awaits: boolean } = { awaits: true },
  ): Promise<Response> {
    const { cache } = this.#works;
    let held: Held | null = inMemory;
    let purged = false;
    if (held === null && cache.mayHoldOnDisk(ask.key)) {
      held = await cache.load(ask.key, ask.get);
      purged = held !== null && this.#works.isBanned(held.meta);
      if (purged) held = null;
    }
    if (held !== null && this.#works.isFresh(held.meta)) {
      const coded = awaits ? codingAwaited(held, ask) : null;
      if (coded === null) return this.#hit(held, ask);
      await coded;
      return this.#lookupOnDisk(ask, this.#find(ask), { awaits: false });
    }
    if (held !== null && this.#works.mayRevalidateLater(held.meta)) {
      return this.#meanwhile(held, ask);
    }
    const parts = held === null ? await this.#misses.ofParts(ask) : null;
    if (parts !== null) return parts;
    if (isOnlyIfCached(ask.request)) return this.#notHeld(ask);
    if (ask.method === "HEAD") return passHead(this.#works, ask, held);
    return this.#misses.serve(purged ? { ...ask, purged: true } : ask, held);
  }

  /** RFC 9111 5.2.1.7: nobody is asked for it. */
  #notHeld(ask: Ask): Response {
    count(ask, "error", "not-held");
    const { onlyIfCached: refusal } = refusals;
    countBytes(ask, ask.method === "HEAD" ? 0 : refusal.words.length + 1);
    const { node } = this.#works;
    const status = writeCacheStatus({ cache: node, detail: "only-if-cached" });
    return refuse(refusal, node, status);
  }

  #hit(held: Held, ask: Ask, detail?: string): Response {
    const { meta } = held;
    assert(meta.customer === ask.entry.customer, "An object is served to its own customer's users");
    // A URL that may also be asked for as a WebSocket is looked at each time.
    const plain =
      detail === undefined && ask.tier === undefined && ask.entry.site.fetch?.webSockets !== true;
    if (held.kind === "memory" && plain) this.#known.remember(held, ask);
    const { node } = this.#works;
    const ttl = ttlSec(meta, this.#works.ageOf(meta));
    const status = {
      ...{ cache: node, hit: true, ttlSec: ttl },
      ...(detail === undefined ? {} : { detail }),
    };
    return deliver(held, ask, { node, nowMs: this.#works.nowMs(), status });
  }

  /** Stale, and validated once for all who ask meanwhile (RFC 5861 3). */
  #meanwhile(stale: Held, ask: Ask): Response {
    if (!isOnlyIfCached(ask.request)) {
      this.#works.later(ask, (alone) => this.#misses.renewLater(alone, stale, ask));
    }
    return this.#hit(stale, ask, "stale-while-revalidate");
  }
}

/** To a worker that knows another snapshot. */
function unknownHere(): Response {
  return new Response(null, { status: 503, headers: { [UNKNOWN]: "1" } });
}
