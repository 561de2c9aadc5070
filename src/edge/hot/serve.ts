/**
 * The life of a request, one function per step, in this order:
 *
 *   recv     host, method and target checked: one site, one path     400 404 405 414 421 508
 *   known    the same URL as before, its object fresh in memory      -> deliver, nothing awaited
 *   key      customer, site, path
 *   lookup   memory, then disk
 *     hit    fresh, and this node is not behind the purge log        -> deliver
 *     stale  else                                                    -> fetch with conditions
 *     miss   nothing is held                                         -> fetch, others wait for it
 *     pass   other methods; keys known to be private                 -> fetch, alone
 *   fetch    the least-loaded origin, then the next                  502 503 504
 *   store    if RFC 9111 and the guards allow
 *   deliver  conditions, range, HEAD, body
 *   count    billed and shown
 *
 * A client's own Cache-Control does not make a shared cache fetch (a flood could use that); its
 * `no-store` is honoured: what it fetched is not kept.
 */
import { AssertionError, assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import {
  ageMs,
  cacheKey,
  compareHead,
  conditionFields,
  invalidatedPaths,
  isFresh,
  isSafe,
  mayServeOnError,
  mayServeWhileRevalidating,
  mergeNotModified,
  partToAsk,
  readResponse,
  selects,
  storable,
  variantMatches,
  writeRange,
} from "../../policy/caching/mod.ts";
import type { View } from "../../policy/steering/mod.ts";
import { type Cache, MemoryObject, type ObjectMeta, sealMeta } from "../cache/mod.ts";
import { type Ask, asksForHealth, detached, fieldsSeen, receive } from "./ask.ts";
import { passBody, readBody } from "./body.ts";
import type { EdgeCounts } from "./count.ts";
import { count, countBytes, deliver, discard, type Held } from "./deliver.ts";
import { type Fetched, Fetcher, type Sending } from "./fetch.ts";
import { type Flight, Flights, type Watch } from "./flight.ts";
import {
  addCacheStatus,
  formHeaders,
  keepAge,
  type Prepared,
  preparedFor,
  ttlSec,
} from "./head.ts";
import {
  KNOWN_PER_OBJECT_MAX,
  KNOWN_URL_LENGTH_MAX,
  KNOWN_URLS_MAX,
  MISS_IDLE_SEC,
  WHOLE_BYTES_MAX,
} from "./limits.ts";
import { cacheRequestOf, describe, emptyMeta, getter } from "./meta.ts";
import type { OriginClient } from "./origin.ts";
import { type PartObject, Parts, partsKey } from "./parts.ts";
import { type Refusal, refusals, refuse } from "./refuse.ts";
import type { EdgeTable } from "./table.ts";

/** What the listener knows of a request's connection. */
export interface Connection {
  requestIP(request: Request): { readonly address: string } | null;
  timeout(request: Request, seconds: number): void;
}

export interface ServeParts {
  readonly node: string;
  readonly cache: Cache<Prepared>;
  readonly origins: OriginClient;
  readonly counts: EdgeCounts;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Null until a first snapshot is known. */
  readonly table: () => EdgeTable | null;
  readonly view: () => View | null;
  /** True while purges may have been missed: everything is validated before it is served. */
  readonly behind: () => boolean;
  /** The number of the last purge that was applied. */
  readonly purged: () => number;
  /** What purges of more than one URL say of what is stored. */
  readonly banned: (meta: ObjectMeta) => "hard" | "soft" | null;
}

/** A URL that was served from memory before: what it leads to, without parsing. */
interface Known {
  readonly object: MemoryObject<Prepared>;
  readonly ready: Prepared;
  /** When it stops being fresh, ms since the epoch. */
  readonly freshUntilMs: number;
  readonly ask: Omit<Ask, "request" | "method" | "client" | "get">;
  /** The Host field it came with, to the letter. */
  readonly host: string;
}

/** How a fetch that others may wait for came out for the one who made it. */
interface Landed {
  readonly response: Response;
  /** Resolves when others may no longer join its body; null: not even now. */
  readonly lasting: Promise<void> | null;
  /** The response reads from what was held before, and lets go of it at its end. */
  readonly readsStale?: true;
}

export class Server {
  readonly #parts: ServeParts;
  readonly #flights = new Flights();
  readonly #fetcher: Fetcher;
  readonly #slices: Parts;
  readonly #known = new Map<string, Known>();

  constructor(parts: ServeParts) {
    this.#parts = parts;
    this.#fetcher = new Fetcher({ ...parts, nowMs: () => parts.clock.wallMs() });
    this.#slices = new Parts({
      ...{ node: parts.node, cache: parts.cache, banned: parts.banned },
      nowMs: () => parts.clock.wallMs(),
      generation: () => parts.rng.float().toString(36).slice(2) + parts.clock.wallMs().toString(36),
      fetch: (ask, o) => this.#fetch(ask, { ...o, shared: true }),
    });
    parts.cache.memory.onDrop = (object) => {
      for (const url of object.urls) this.#known.delete(url);
    };
  }

  /** A new table is in force: what URLs led to is looked up anew. */
  tableChanged(): void {
    for (const { object } of this.#known.values()) object.urls.length = 0;
    this.#known.clear();
  }

  /** Applies a purge; resolves when neither tier, nor anything under way, can serve the old object. */
  async purge(key: string): Promise<void> {
    this.#flights.purge(key);
    await Promise.all([this.#parts.cache.purge(key), this.#parts.cache.purge(partsKey(key))]);
  }

  /** Bans came for this site: what is under way is not kept, and no URL is known any more. */
  banned(of: { readonly customer: string; readonly site: string }): void {
    this.#flights.purgeAll(cacheKey({ ...of, path: "/" }));
    this.tableChanged();
  }

  /** Budget of a known hit: no await, one Response, four header reads; see bench/edge. */
  handle(request: Request, connection: Connection): Response | Promise<Response> {
    try {
      const known = this.#known.get(request.url);
      if (known !== undefined && request.method === "GET") {
        const response = this.#serveKnown(known, request);
        if (response !== null) return response;
      }
      return this.#serve(request, connection);
    } catch (fault) {
      return this.#broken(fault);
    }
  }

  /** The step `known`. Null: the long way. */
  #serveKnown(known: Known, request: Request): Response | null {
    const { object, ask } = known;
    const { headers } = request;
    if (!object.alive || this.#parts.behind()) return null;
    if (headers.get("host") !== known.host) return null;
    if (headers.get("if-none-match") !== null || headers.get("range") !== null) return null;
    if (headers.get("if-modified-since") !== null) return null;
    const { meta } = object;
    if (meta.vary.length > 0 && !variantMatches(meta, fieldsSeen(ask.form, request))) return null;
    const nowMs = this.#parts.clock.wallMs();
    if (nowMs >= known.freshUntilMs) return null;
    assert(meta.customer === ask.entry.customer, "An object is served to its own customer's users");
    object.visited = true;
    count(ask, true);
    countBytes(ask, meta.bodyBytes);
    keepAge(known.ready, meta, { node: this.#parts.node, nowMs });
    return new Response(object.bytes, known.ready.init);
  }

  #serve(request: Request, connection: Connection): Response | Promise<Response> {
    if (asksForHealth(request.url)) return new Response("ok");
    const table = this.#parts.table();
    if (table === null) return refuse(refusals.noSnapshot, this.#parts.node);
    const client = connection.requestIP(request)?.address ?? "unknown";
    const ask = receive(request, table, client);
    if ("status" in ask) return refuse(ask, this.#parts.node);
    if (ask.method !== "GET" && ask.method !== "HEAD") {
      connection.timeout(request, MISS_IDLE_SEC);
      return this.#guarded(this.#pass(ask));
    }
    const object = this.#find(ask);
    if (object !== null && this.#fresh(object.meta)) return this.#hit(object, ask);
    if (object !== null && this.#mayRevalidateLater(object.meta)) {
      this.#revalidateLater(object, ask);
      return this.#hit(object, ask, "stale-while-revalidate");
    }
    connection.timeout(request, MISS_IDLE_SEC);
    return this.#guarded(this.#lookupOnDisk(ask, object));
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
    const object = this.#parts.cache.find(ask.key, ask.get);
    return object === null || this.#parts.banned(object.meta) === "hard" ? null : object;
  }

  #fresh(meta: ObjectMeta): boolean {
    if (this.#parts.banned(meta) !== null) return false;
    const age = ageMs(meta.freshness, meta.receivedMs, this.#parts.clock.wallMs());
    return isFresh(meta.freshness, age) && !this.#parts.behind();
  }

  #mayRevalidateLater(meta: ObjectMeta): boolean {
    if (this.#parts.behind()) return false;
    const age = ageMs(meta.freshness, meta.receivedMs, this.#parts.clock.wallMs());
    return !meta.freshness.alwaysValidate && mayServeWhileRevalidating(meta.freshness, age);
  }

  /** Validates what was just served stale, once for all who ask meanwhile (RFC 5861 3). */
  #revalidateLater(stale: Held, ask: Ask): void {
    if (this.#flights.of(ask.key) !== undefined) return;
    const alone = detached(ask);
    const done = this.#guarded(this.#lead(alone, stale)).then(async (response) => {
      ask.entry.usage.bytesIn += alone.entry.usage.bytesIn;
      await response.body?.cancel();
    });
    done.catch((fault: unknown) => this.#broken(fault));
  }

  /** The step `lookup`, second tier. */
  async #lookupOnDisk(ask: Ask, inMemory: MemoryObject<Prepared> | null): Promise<Response> {
    let held: Held | null = inMemory;
    if (held === null && this.#parts.cache.mayHoldOnDisk(ask.key)) {
      held = await this.#parts.cache.load(ask.key, ask.get);
      if (held !== null && this.#parts.banned(held.meta) === "hard") {
        discard(held);
        held = null;
      }
    }
    if (held !== null && this.#fresh(held.meta)) return this.#hit(held, ask);
    if (ask.method === "HEAD") return this.#head(ask, held);
    return this.#miss(ask, held);
  }

  #hit(held: Held, ask: Ask, detail?: string): Response {
    const { meta } = held;
    assert(meta.customer === ask.entry.customer, "An object is served to its own customer's users");
    if (held.kind === "memory" && detail === undefined) this.#remember(held, ask);
    const nowMs = this.#parts.clock.wallMs();
    const ttl = ttlSec(meta, ageMs(meta.freshness, meta.receivedMs, nowMs));
    const { node } = this.#parts;
    const status = {
      cache: node,
      hit: true,
      ttlSec: ttl,
      ...(detail === undefined ? {} : { detail }),
    };
    return deliver(held, ask, { node, nowMs, status });
  }

  #remember(object: MemoryObject<Prepared>, ask: Ask): void {
    const host = ask.request.headers.get("host");
    const { url } = ask.request;
    if (host === null || url.length > KNOWN_URL_LENGTH_MAX) return;
    if (this.#known.size >= KNOWN_URLS_MAX) this.tableChanged();
    const { entry, form, path, key } = ask;
    if (object.meta.status !== 200 || object.urls.length >= KNOWN_PER_OBJECT_MAX) return;
    object.urls.push(url);
    const { receivedMs, freshness } = object.meta;
    this.#known.set(url, {
      object,
      host,
      ask: { entry, form, path, key },
      ready: preparedFor(object, ask, this.#parts.node),
      freshUntilMs: freshness.alwaysValidate
        ? 0
        : receivedMs + freshness.lifetimeMs - freshness.initialAgeMs,
    });
  }

  /** Waits for a fetch of the same key that is under way, or makes one that others may wait for. */
  async #miss(ask: Ask, stale: Held | null, tries = 0): Promise<Response> {
    const { clock } = this.#parts;
    if (this.#flights.isPrivate(ask.key, clock.monoMs())) return this.#pass(ask, stale);
    const range = stale === null ? ask.request.headers.get("range") : null;
    const response = range === null ? null : await this.#part(ask, range);
    if (response !== null) return response;
    const flight = this.#flights.of(ask.key);
    if (flight === undefined) return this.#lead(ask, stale);
    const outcome = await flight.outcome;
    if (outcome.kind === "failed") {
      release(stale);
      return this.#refused(ask, outcome.refusal);
    }
    if (outcome.kind === "part" && tries < 3) return this.#miss(ask, stale, tries + 1);
    if (outcome.kind !== "shared") return this.#pass(ask, stale);
    const held = await outcome.held();
    if (held === null) return this.#pass(ask, stale);
    const joins = held.kind !== "spool" || held.spool.canJoin;
    if (!joins || !variantMatches(held.meta, ask.get)) {
      release(held);
      // Another variant: fetched for others too, by the first of those who waited in vain.
      if (joins && this.#flights.of(ask.key) === undefined) return this.#lead(ask, stale);
      return this.#pass(ask, stale);
    }
    release(stale);
    const { node } = this.#parts;
    const status = { fwd: "uri-miss", fwdStatus: outcome.fwdStatus, collapsed: true } as const;
    return deliver(held, ask, { node, nowMs: clock.wallMs(), status: { cache: node, ...status } });
  }

  /** Answers with a part without fetching the whole (H12). Null: the whole is to be fetched. */
  async #part(ask: Ask, range: string): Promise<Response | null> {
    const part = partToAsk(range);
    const held = await this.#slices.find(ask);
    if (held !== null && this.#fresh(held.meta)) {
      if (part === null && !this.#slices.holds(held, range)) return null;
      const served = await this.#slices.serve(held, ask, { hit: true });
      return served ?? this.#pass(ask);
    }
    // Somebody is about to learn whether it comes in parts.
    if (part === null || this.#flights.of(ask.key) !== undefined) return null;
    return this.#led(ask, (flight) => this.#fetchPart(ask, { part, held, flight }));
  }

  async #fetchPart(
    ask: Ask,
    o: {
      readonly part: NonNullable<ReturnType<typeof partToAsk>>;
      readonly held: PartObject | null;
      readonly flight: Flight;
    },
  ): Promise<Landed> {
    const { held, flight } = o;
    const conditions = [["range", writeRange(o.part)]] as const;
    const prefer = held === null ? {} : { prefer: held.meta.part.origin };
    const fetched = await this.#fetch(ask, { conditions, shared: true, ...prefer });
    if ("status" in fetched) {
      flight.land({ kind: "failed", refusal: fetched });
      return { response: this.#refused(ask, fetched), lasting: null };
    }
    if (fetched.response.status !== 206) {
      return this.#store({ ask, fetched, flight, stale: null });
    }
    const taken = await this.#slices.take(ask, fetched, held);
    if (taken === null) return { response: await this.#pass(ask), lasting: null };
    if (taken.keep && !flight.purged) {
      this.#slices.keep(taken.object);
      flight.land({ kind: "part" });
    } else {
      this.#flights.notePrivate(ask.key, this.#parts.clock.monoMs());
      flight.land({ kind: "private" });
    }
    const asked = ask.request.headers.get("range") === writeRange(o.part);
    const how = { hit: false, asCame: asked, stored: taken.keep && !flight.purged };
    const response = await this.#slices.serve(taken.object, ask, how);
    return { response: response ?? (await this.#pass(ask)), lasting: null };
  }

  #lead(ask: Ask, stale: Held | null): Promise<Response> {
    return this.#led(ask, (flight) => this.#fetchShared({ ask, stale, flight }), stale);
  }

  /** Makes a fetch that others may wait for. */
  async #led(
    ask: Ask,
    make: (flight: Flight) => Promise<Landed>,
    stale: Held | null = null,
  ): Promise<Response> {
    const flight = this.#flights.start(ask.key);
    let lasting: Promise<void> | null = null;
    let unused = stale;
    try {
      const done = await make(flight);
      lasting = done.lasting;
      if (done.readsStale === true) unused = null;
      return done.response;
    } finally {
      release(unused);
      // Whoever waits is let go, whatever went wrong here.
      flight.land({ kind: "private" });
      const end = () => this.#flights.end(ask.key, flight);
      if (lasting === null) end();
      else void lasting.finally(end);
    }
  }

  /** One fetch whose answer may be shared. */
  async #fetchShared(o: {
    readonly ask: Ask;
    readonly stale: Held | null;
    readonly flight: Flight;
  }): Promise<Landed> {
    const { ask, stale, flight } = o;
    const conditions = stale === null ? [] : conditionFields(stale.meta);
    let fetched = await this.#fetch(ask, { conditions, shared: true });
    if (!("status" in fetched) && fetched.response.status === 304) {
      const renewed = stale === null ? null : await this.#renew(stale, o, fetched);
      if (renewed !== null) return renewed;
      fetched = await this.#fetch(ask, { conditions: [], shared: true });
    }
    const answered = !("status" in fetched);
    const failed = "status" in fetched || fetched.response.status >= 500;
    if (failed && stale !== null && this.#mayServeStale(stale.meta, answered)) {
      if (!("status" in fetched)) await fetched.response.body?.cancel();
      return this.#staleOnError(stale, o);
    }
    if ("status" in fetched) {
      flight.land({ kind: "failed", refusal: fetched });
      return { response: this.#refused(ask, fetched), lasting: null };
    }
    return this.#store({ ask, fetched, flight, stale });
  }

  #fetch(ask: Ask, o: Omit<Sending, "cdnId">): Promise<Fetched | Refusal> {
    const view = this.#parts.view();
    if (view === null) return Promise.resolve(refusals.noSnapshot);
    return this.#fetcher.fetch(ask, view, { ...o, cdnId: view.snapshot.zone });
  }

  /** A 304 about what is held: the object with its new fields. Null: it is about something else. */
  async #renew(
    stale: Held,
    o: { readonly ask: Ask; readonly flight: Flight },
    fetched: Fetched,
  ): Promise<Landed | null> {
    const { fields } = fetched.response;
    if (!selects(stale.meta.etag, getter(fields)("etag")) || stale.kind === "spool") return null;
    const { held, keep } = this.#freshened(stale, o.ask, fetched);
    if (!keep) {
      // It has become private: nobody who waits gets it, and nobody after.
      await this.#parts.cache.purge(o.ask.key);
      o.flight.land({ kind: "private" });
    } else if (!o.flight.purged) this.#putFreshened(held);
    return this.#renewed(o, held, keep);
  }

  /** What is held with the fields of a 304, or of a 200 to HEAD, and whether it may still be kept. */
  #freshened(stale: Exclude<Held, { kind: "spool" }>, ask: Ask, fetched: Fetched) {
    const merged = mergeNotModified(stale.meta.fields, fetched.response.fields);
    const response = { status: stale.meta.status, get: getter(merged) };
    const facts = readResponse(response, fetched.receivedMs);
    const meta = describe({ ...stale.meta, fields: merged }, facts, fetched);
    const keep = storable({ ...cacheRequestOf(ask), method: "GET" }, facts).store;
    const held =
      stale.kind === "file" ? { ...stale, meta } : new MemoryObject<Prepared>(meta, stale.bytes);
    return { held, keep };
  }

  #putFreshened(held: Exclude<Held, { kind: "spool" }>): void {
    if (held.kind === "file") held.renew(held.meta);
    else this.#parts.cache.put(held.meta, held.bytes);
  }

  #renewed(o: { readonly ask: Ask; readonly flight: Flight }, held: Held, stored: boolean): Landed {
    if (stored) this.#land(o, held, 304);
    const { node, clock } = this.#parts;
    const status = { cache: node, fwd: "stale", fwdStatus: 304, stored } as const;
    const response = deliver(held, o.ask, { node, nowMs: clock.wallMs(), status });
    return { response, lasting: null, readsStale: true };
  }

  /** Shares an object with those who wait; each gets an open file of its own, where it is one. */
  #land(o: { readonly ask: Ask; readonly flight: Flight }, held: Held, fwdStatus: number): void {
    const { ask, flight } = o;
    const again = () => this.#parts.cache.load(ask.key, ask.get);
    const forOthers = held.kind === "file" ? again : () => held;
    flight.land({ kind: "shared", held: forOthers, fwdStatus });
  }

  #mayServeStale(meta: ObjectMeta, answered: boolean): boolean {
    if (this.#parts.behind()) return false;
    const age = ageMs(meta.freshness, meta.receivedMs, this.#parts.clock.wallMs());
    return mayServeOnError(meta.freshness, age, answered);
  }

  #staleOnError(stale: Held, o: { readonly ask: Ask; readonly flight: Flight }): Landed {
    this.#land(o, stale, 0);
    const { node, clock } = this.#parts;
    const nowMs = clock.wallMs();
    const ttl = ttlSec(stale.meta, ageMs(stale.meta.freshness, stale.meta.receivedMs, nowMs));
    const status = { cache: node, hit: true, ttlSec: ttl, detail: "stale-if-error" };
    const response = deliver(stale, o.ask, { node, nowMs, status });
    return { response, lasting: null, readsStale: true };
  }

  /** The step `store`: keeps what may be kept, and delivers. */
  async #store(o: {
    readonly ask: Ask;
    readonly fetched: Fetched;
    readonly flight: Flight;
    readonly stale: Held | null;
  }): Promise<Landed> {
    const { ask, fetched, flight, stale } = o;
    const { response } = fetched;
    const facts = readResponse(
      { status: response.status, get: getter(response.fields) },
      fetched.receivedMs,
    );
    const verdict = storable(cacheRequestOf(ask), facts);
    if (!verdict.store || !response.framed || facts.vary === "*") {
      this.#flights.notePrivate(ask.key, this.#parts.clock.monoMs());
      flight.land({ kind: "private" });
      const reason = verdict.store ? "unframed" : verdict.reason;
      return { response: await this.#passOn(ask, fetched, { reason, stale }), lasting: null };
    }
    this.#flights.noteShared(ask.key);
    const body = await readBody(response.body, {
      wholeBytesMax: Math.min(WHOLE_BYTES_MAX, ask.entry.site.objectBytesMax),
      contentLength: response.contentLength,
      count: (bytes) => this.#countIn(ask, bytes),
    }).catch(() => null);
    if (body === null) {
      flight.land({ kind: "failed", refusal: refusals.badGateway });
      return { response: this.#refused(ask, refusals.badGateway), lasting: null };
    }
    const meta = describe(emptyMeta(ask, facts, response), facts, fetched);
    if (body.kind === "large") return this.#spool({ ask, flight, meta, fetched, body });
    const whole = sealMeta({ ...meta, bodyBytes: body.bytes.byteLength });
    const stored = flight.purged ? null : this.#parts.cache.put(whole, body.bytes);
    const held = stored ?? new MemoryObject<Prepared>(whole, body.bytes);
    flight.land({ kind: "shared", held: () => held, fwdStatus: response.status });
    return { response: this.#stored(held, ask, { stale, stored: !flight.purged }), lasting: null };
  }

  #stored(
    held: Held,
    ask: Ask,
    o: { readonly stale: Held | null; readonly stored: boolean },
  ): Response {
    const { node, clock } = this.#parts;
    const fwd = o.stale === null ? "uri-miss" : "stale";
    const status = { cache: node, fwd, fwdStatus: held.meta.status, stored: o.stored } as const;
    return deliver(held, ask, { node, nowMs: clock.wallMs(), status });
  }

  /** A body too large to be held: to the client and to disk at once. */
  #spool(o: {
    readonly ask: Ask;
    readonly flight: Flight;
    readonly meta: ObjectMeta;
    readonly fetched: Fetched;
    readonly body: Extract<Awaited<ReturnType<typeof readBody>>, { kind: "large" }>;
  }): Landed {
    const { ask, flight, body } = o;
    const spool = this.#parts.cache.spool(ask.entry.site.objectBytesMax);
    spool.keep = !flight.purged;
    flight.onPurge = () => {
      spool.keep = false;
    };
    const known = o.fetched.response.contentLength ?? -1;
    const meta = sealMeta({ ...o.meta, bodyBytes: known });
    const held = { kind: "spool", meta, spool } as const;
    const response = this.#stored(held, ask, { stale: null, stored: true });
    const lasting = spool.run(body.rest, body.first, (bodyBytes) => {
      return known >= 0 && known !== bodyBytes ? null : sealMeta({ ...meta, bodyBytes });
    });
    flight.land({ kind: "shared", held: () => held, fwdStatus: meta.status });
    return { response, lasting };
  }

  /** The step `pass`: a fetch for this request alone, nothing kept. */
  async #pass(ask: Ask, stale: Held | null = null): Promise<Response> {
    release(stale);
    const watch = this.#flights.watch(ask.key);
    try {
      const fetched = await this.#fetch(ask, { conditions: [], shared: false });
      if ("status" in fetched) return this.#refused(ask, fetched);
      const purged = watch.purged;
      await this.#invalidate(ask, fetched);
      watch.purged = purged;
      const reason = isSafe(ask.method) && ask.method !== "OPTIONS" ? "not-shared" : "method";
      return await this.#passOn(ask, fetched, { reason, stale: null, watch });
    } finally {
      watch.end();
    }
  }

  /** RFC 9111 4.4: what an unsafe method changed is not served from before. */
  async #invalidate(ask: Ask, fetched: Fetched): Promise<void> {
    const { status, fields } = fetched.response;
    const get = getter(fields);
    const { customer, hostname, firstAddress } = ask.entry;
    const request = { method: ask.method, at: firstAddress, path: ask.path };
    for (const path of invalidatedPaths(request, { status, get })) {
      await this.purge(cacheKey({ customer, site: hostname, path }));
    }
  }

  /** HEAD about what is not held fresh: asked for, and what is held is judged by it (RFC 9111 4.3.5). */
  async #head(ask: Ask, stale: Held | null): Promise<Response> {
    if (stale === null || stale.kind === "spool") return this.#pass(ask, stale);
    const watch = this.#flights.watch(ask.key);
    const fetched = await this.#fetch(ask, { conditions: [], shared: true });
    watch.end();
    release(stale);
    if ("status" in fetched) return this.#refused(ask, fetched);
    const { status, fields } = fetched.response;
    const says = compareHead(stale.meta, { status, get: getter(fields) });
    const { held, keep } = this.#freshened(stale, ask, fetched);
    if (says === "other" || (says === "same" && !keep)) await this.purge(ask.key);
    else if (says === "same" && !watch.purged) this.#putFreshened(held);
    return this.#passOn(ask, fetched, { reason: "stale", stale: null });
  }

  /** Sends an answer on that is not kept. */
  async #passOn(
    ask: Ask,
    fetched: Fetched,
    o: { readonly reason: string; readonly stale: Held | null; readonly watch?: Watch },
  ): Promise<Response> {
    const { response } = fetched;
    const { node } = this.#parts;
    // What replaced the stored object may not be stored: the old one is not to be served any more.
    if (o.stale !== null && response.status < 400) await this.#parts.cache.purge(ask.key);
    const headers = formHeaders(response.fields, ask, node);
    const fwd = o.reason === "method" ? "method" : o.stale === null ? "uri-miss" : "stale";
    addCacheStatus(headers, { cache: node, fwd, fwdStatus: response.status, detail: o.reason });
    const upstreamAge = getter(response.fields)("age");
    if (upstreamAge !== null) headers.set("age", upstreamAge);
    count(ask, false);
    const { status, contentLength, body } = response;
    if (body === null) {
      if (ask.method === "HEAD" && contentLength !== null) {
        headers.set("content-length", String(contentLength));
      }
      return new Response(null, { status, headers });
    }
    if (contentLength !== null && contentLength <= WHOLE_BYTES_MAX) {
      const countIn = (bytes: number) => this.#countIn(ask, bytes);
      const read = { wholeBytesMax: WHOLE_BYTES_MAX, contentLength, count: countIn };
      const whole = await readBody(body, read).catch(() => null);
      if (whole?.kind !== "whole") return refuse(refusals.badGateway, node);
      countBytes(ask, whole.bytes.byteLength);
      if (o.watch?.purged === false) this.#keepPosted(ask, fetched, whole.bytes);
      return new Response(whole.bytes, { status, headers });
    }
    const counts = {
      in: (bytes: number) => this.#countIn(ask, bytes),
      out: (bytes: number) => countBytes(ask, bytes),
    };
    return new Response(passBody(body, counts), { status, headers });
  }

  /** An answer to POST that says it is what GET would get (RFC 9110 9.3.3). */
  #keepPosted(ask: Ask, fetched: Fetched, bytes: Uint8Array<ArrayBuffer>): void {
    if (ask.method !== "POST" || bytes.byteLength > ask.entry.site.objectBytesMax) return;
    const { response, receivedMs } = fetched;
    const facts = readResponse(
      { status: response.status, get: getter(response.fields) },
      receivedMs,
    );
    if (!response.framed || !storable(cacheRequestOf(ask, facts), facts).store) return;
    const meta = describe(emptyMeta(ask, facts, response), facts, fetched);
    this.#parts.cache.put(sealMeta({ ...meta, bodyBytes: bytes.byteLength }), bytes);
  }

  #refused(ask: Ask, refusal: Refusal): Response {
    count(ask, false);
    const { node } = this.#parts;
    const response = refuse(refusal, node, `${node}; fwd=uri-miss; detail=no-answer`);
    countBytes(ask, ask.method === "HEAD" ? 0 : refusal.words.length + 1);
    return response;
  }

  #countIn(ask: Ask, bytes: number): void {
    ask.entry.usage.bytesIn += bytes;
  }
}

function release(held: Held | null): void {
  if (held !== null) discard(held);
}
