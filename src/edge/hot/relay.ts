import { assert } from "../../base/assert.ts";
import { Fault } from "../../base/fault.ts";
import { noUsage } from "../../model/usage.ts";
import { WHY_NOT, type WhyNot } from "../../model/why-not.ts";
import { variantMatches } from "../../policy/caching/mod.ts";
import { connectionOptions, isHopByHop, TIER_FIELD } from "../../wire/http/mod.ts";
import type { BorrowedFiles, Cache, Fields, ObjectMeta, Stamp } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { type Holding, passBody, readBody } from "./body.ts";
import { type DeliveryStatus, noCounts, OUTCOMES, type OutcomeName } from "./count.ts";
import {
  HELD,
  HELD_STATUS,
  LONG_HEAD,
  OUTCOME,
  PLACE,
  RELAYED,
  type Relayed,
  TOLD,
  UNKNOWN,
  WHY_NOT_TOLD,
  type Words,
} from "./crew.ts";
import { count, countBytes, countStream, deliver, type Held } from "./deliver.ts";
import type { Place } from "./fetch.ts";
import { type Handed, readHanded } from "./hand-over.ts";
import { bodiless, type Prepared } from "./head.ts";
import { Leavers } from "./leavers.ts";
import { MISS_IDLE_SEC, WHOLE_BYTES_MAX } from "./limits.ts";
import { fitted, unfoldedAnswer } from "./long-head.ts";
import { getter } from "./meta.ts";
import type { OriginClient, OriginResponse } from "./origin.ts";
import { borrow } from "./places.ts";
import { type Refusal, refusals } from "./refuse.ts";
import { type RequestBody, readRequestBody } from "./request-body.ts";
import { codingAwaited } from "./rules-encode.ts";

/** What a worker tells the keeper without waiting. */
export interface KeeperTold {
  /** A key of which an object was used for the first time since it came from the keeper. */
  used(key: string): void;
  /** A key of which a stored file is not what was written. */
  spoilt(key: string): void;
  /** How a server did at which the keeper lent a place. */
  settled(id: string, said: { readonly ms: number | null; readonly well: boolean }): void;
}

export interface KeeperParts {
  /** Path of the keeper's socket. */
  readonly socket: string;
  readonly client: OriginClient;
  readonly words: Words;
  readonly files: BorrowedFiles;
  readonly tell: KeeperTold;
  /** Waits so many ms. */
  readonly wait: (ms: number) => Promise<void>;
}

/** Of the steps, what a worker's asking needs. */
export interface RelayWorks {
  readonly node: string;
  readonly cache: Cache<Prepared>;
  readonly holding: Holding;
  nowMs(): number;
  isFresh(meta: ObjectMeta): boolean;
  refused(ask: Ask, refusal: Refusal): Response;
}

/** The keeper may ask several web servers, one after the other. */
const HEAD_MS = MISS_IDLE_SEC * 1000;
const SILENT_MS = MISS_IDLE_SEC * 1000;
/** A request that only the keeper can send waits so long for one that is starting. */
const START_MS = 3_000;
const AGAIN_MS = 50;
/** The longest that a timer takes. */
const FOR_EVER_MS = 2_147_483_647;

/**
 * The step `relay`, of a worker: asks the keeper for what is not here.
 *
 *   it hands an object over     into memory where it may be, and delivered from here
 *   it says where a file is     delivered from that file
 *   it answers                  sent on as it is
 *   it is not there, or knows   null for GET and HEAD: the worker fetches itself, keeping
 *   another snapshot            nothing; else it is waited for, as long as nothing was sent
 *   the client leaves           of GET and HEAD the keeper is left, too: it does then as one process
 *                               does; all else is sent all the same, see `Leavers`
 *
 * What clients are sent is counted here, what comes from web servers at the keeper.
 */
export class Keeper {
  readonly words: Words;
  readonly #o: KeeperParts;
  readonly #leavers = new Leavers();
  #stopped = false;

  constructor(o: KeeperParts) {
    this.#o = o;
    this.words = o.words;
  }

  /** What is under way is given up. */
  stop(): void {
    this.#stopped = true;
  }

  async ask(ask: Ask, works: RelayWorks): Promise<Response | null> {
    const { customer, hostname: site } = ask.entry;
    // Before it is asked: whatever is purged from now on is not kept by the answer.
    const stamp = this.words.stampOf({ key: ask.key, customer, site });
    const answer = await this.#fetch(ask);
    if (answer === "not-there") return null;
    if (answer === "left") return forNobody(ask);
    if ("words" in answer) return works.refused(ask, answer);
    const kind = getter(answer.fields)(HELD);
    if (kind === null) return this.#sendOn(answer, ask, works);
    const handed = await readAll(answer)
      .then((whole) => readHanded(kind, whole))
      .catch(() => null);
    return handed === null ? null : this.#deliver(handed, { ask, works, stamp, answer });
  }

  /** What another cache of ours asks: the keeper's answer as it is, counted there. Null: it is not there. */
  async askTier(asked: Ask, works: RelayWorks): Promise<Response | null> {
    const answer = await this.#fetch(asked, "tier");
    if (answer === "left") return forNobody(nobodys(asked));
    if (answer === "not-there" || "words" in answer) return null;
    const response = await this.#sendOn(answer, nobodys(asked), works);
    // Of whoever answers it is kept apart; without it the cache that asked would ask a web server.
    if (answer.tier !== undefined) response.headers.set(TIER_FIELD, answer.tier);
    return response;
  }

  async #fetch(
    ask: Ask,
    form: Relayed["form"] = ask.form,
  ): Promise<OriginResponse | "not-there" | "left" | Refusal> {
    const sent = await readRequestBody(ask.request, ask.alive);
    if ("status" in sent) return sent;
    if (isRead(ask)) return this.#try(ask, form, sent);
    const stay = this.#leavers.watch(ask.client, ask.request.signal);
    if (stay === null) return refusals.busy;
    return this.#try(ask, form, sent).finally(() => stay.end());
  }

  /** Asks; again while there is no keeper that knows the site, and nobody else could do. */
  async #try(
    ask: Ask,
    form: Relayed["form"],
    sent: RequestBody,
  ): Promise<OriginResponse | "not-there" | "left" | Refusal> {
    const { client, socket, wait } = this.#o;
    const safe = isRead(ask);
    const leave = safe ? { signal: ask.request.signal } : {};
    const path = targetOf(ask, form);
    const written = fitted({ method: ask.method, path, fields: fieldsOf(ask, form), ...sent });
    for (let waitedMs = 0; ; waitedMs += AGAIN_MS) {
      try {
        const came = await client.fetch({
          ...{ scheme: "http", address: socket, port: 0, hostname: "", ...written },
          ...{ headMs: HEAD_MS, silentMs: SILENT_MS, ...leave, onEnd: () => {} },
        });
        const isFolded = ask.method === "HEAD" && written.method !== "HEAD";
        const answer = isFolded ? unfoldedAnswer(came) : came;
        const get = getter(answer.fields);
        const isKeepers = form === "tier" || get(HELD) !== null || get(OUTCOME) !== null;
        if (get(UNKNOWN) === null && (isKeepers || !safe)) return answer;
        await answer.body?.cancel();
        if (safe) return "not-there";
        // What comes as it goes is gone.
        if (sent.body instanceof ReadableStream || waitedMs >= START_MS) return refusals.badGateway;
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        if (leave.signal?.aborted === true) return "left";
        if (fault.code === "bad-input") return refusals.badBody;
        if (this.#stopped) return refusals.badGateway;
        // A connection that is refused while it runs is one too many in its queue.
        const isBusy = this.words.isKeeperThere();
        if (safe && !isBusy) return "not-there";
        if (!isWorthAgain(fault, { safe, waitedMs })) {
          return safe ? "not-there" : refusals.badGateway;
        }
      }
      await wait(AGAIN_MS);
      if (this.#stopped) return refusals.badGateway;
    }
  }

  /**
   * A place at the next server, for something that lasts; it counts among those of all workers. Null: there
   * is none.
   */
  async place(ask: Ask, asked: ReadonlySet<string>): Promise<Place | Refusal | null> {
    const { client, socket, tell } = this.#o;
    const fields = [...fieldsOf(ask), [PLACE, JSON.stringify([...asked])] as const];
    try {
      const answer = await client.fetch({
        ...{ scheme: "http", address: socket, port: 0, hostname: "" },
        ...fitted({ method: "GET", path: "/", fields, body: null, bodyBytes: null }),
        ...{ headMs: HEAD_MS, silentMs: FOR_EVER_MS, onEnd: () => {} },
      });
      return await borrow(answer, (id, said) => tell.settled(id, said));
    } catch {
      return refusals.busy;
    }
  }

  async #deliver(
    handed: Handed,
    o: {
      readonly ask: Ask;
      readonly works: RelayWorks;
      readonly stamp: Stamp;
      readonly answer: OriginResponse;
    },
  ): Promise<Response | null> {
    const { ask, works } = o;
    const { meta } = handed;
    assert(meta.customer === ask.entry.customer, "An object is served to its own customer's users");
    const status = JSON.parse(getter(o.answer.fields)(HELD_STATUS) ?? "{}") as DeliveryStatus;
    const held = await this.#held(handed, { ...o, status });
    if (held === null) return null;
    await codingAwaited(held, ask);
    return deliver(held, ask, { node: works.node, nowMs: works.nowMs(), status });
  }

  async #held(
    handed: Handed,
    o: {
      readonly ask: Ask;
      readonly works: RelayWorks;
      readonly stamp: Stamp;
      readonly status: DeliveryStatus;
    },
  ): Promise<Held | null> {
    const { ask, works, stamp, status } = o;
    const { meta } = handed;
    if (handed.kind === "file") {
      const { path, fileBytes } = handed;
      const at = { meta, fileBytes, nowMs: works.nowMs() };
      const stored = await this.#o.files.of(path, at).catch(() => null);
      if (stored === null) return null;
      const spoilt = () => {
        this.#o.files.spoilt(path);
        this.#o.tell.spoilt(meta.key);
      };
      return { kind: "file", meta, stored, spoilt, renew: () => {} };
    }
    // What stands in for something else is not fresh, whatever its age: its purges the keeper knows.
    const kept =
      status.detail === undefined &&
      (status.hit === true || status.stored === true || status.collapsed === true);
    // Under another snapshot the keeper may have another key for it.
    const ours = meta.key === ask.key && variantMatches(meta, ask.get);
    const lasts = kept && ours && works.isFresh(meta) && this.words.isCurrent(stamp);
    const object = lasts ? works.cache.memory.put(meta, handed.bytes) : null;
    if (object === null) return { kind: "whole", meta, bytes: handed.bytes };
    object.stamp = stamp;
    object.onUsed = () => this.#o.tell.used(meta.key);
    return object;
  }

  async #sendOn(answer: OriginResponse, ask: Ask, works: RelayWorks): Promise<Response> {
    const { status, contentLength } = answer;
    const get = getter(answer.fields);
    const told = () => count(ask, outcomeOf(get(OUTCOME)), whyNotOf(get(WHY_NOT_TOLD)));
    const headers = new Headers();
    for (const [name, value] of answer.fields) {
      const isBodys = name === "content-length" && ask.method !== "HEAD";
      if (name !== OUTCOME && name !== WHY_NOT_TOLD && !isBodys) headers.append(name, value);
    }
    if (answer.body === null && answer.whole === undefined) {
      told();
      return bodiless(ask.method, { status, headers });
    }
    const read = await readBody(answer, {
      wholeBytesMax: contentLength === null ? 0 : WHOLE_BYTES_MAX,
      contentLength: contentLength ?? Number.POSITIVE_INFINITY,
      count: () => {},
      holding: works.holding,
    }).catch(() => null);
    // Broken off it is an error, and the keeper counts nothing: it is counted once, when that is known.
    if (read === null) return works.refused(ask, refusals.badGateway);
    told();
    if (read.kind === "large") {
      const countOut = countStream(ask);
      return new Response(passBody(read.rest, { first: read.first, countOut, over: ask.over }), {
        status,
        headers,
      });
    }
    countBytes(ask, read.bytes.byteLength);
    return new Response(read.bytes, { status, headers });
  }
}

function isRead({ method }: Ask): boolean {
  return method === "GET" || method === "HEAD";
}

/**
 * What the keeper broke off it may have asked a web server for, and broken off because that did: such a request
 * is said once more, for a connection that ended just then, and not for 3 s.
 */
function isWorthAgain(
  { code }: Fault,
  { safe, waitedMs }: { readonly safe: boolean; readonly waitedMs: number },
): boolean {
  if (waitedMs >= START_MS || code === "origin-timeout") return false;
  if (!safe) return code === "origin-refused";
  return code !== "origin-broken" || waitedMs === 0;
}

/** What another cache asks is signed: its target is left as it is. */
function targetOf(ask: Ask, form: Relayed["form"]): string {
  if (form !== "tier") return ask.asked ?? ask.path;
  const { url } = ask.request;
  return url.slice(url.indexOf("/", url.indexOf("://") + 3));
}

/** Its client has left: it asked, and got nothing. */
function forNobody(ask: Ask): Response {
  count(ask, "error", "no-answer");
  return new Response(null, { status: 499 });
}

/** Counted where it was answered. */
function nobodys(ask: Ask): Ask {
  return { ...ask, sent: null, entry: { ...ask.entry, usage: noUsage(), counts: noCounts() } };
}

/** Between worker and keeper only. */
const OURS: ReadonlySet<string> = new Set([RELAYED, PLACE, TOLD, LONG_HEAD]);

/** The client's own, and who asks what. */
function fieldsOf(ask: Ask, form: Relayed["form"] = ask.form): Fields {
  const { headers, url } = ask.request;
  const named = connectionOptions(headers.get("connection"));
  const relayed: Relayed = {
    client: ask.client,
    ...(ask.clientPort === undefined ? {} : { clientPort: ask.clientPort }),
    scheme: url.startsWith("https:") ? "https" : "http",
    site: ask.entry.hostname,
    customer: ask.entry.customer,
    form,
    path: ask.asked ?? ask.path,
  };
  const fields: (readonly [string, string])[] = [
    ["host", headers.get("host") ?? ask.entry.hostname],
    [RELAYED, JSON.stringify(relayed)],
  ];
  headers.forEach((value, field) => {
    const name = field.toLowerCase();
    if (isHopByHop(name) || named.has(name) || OURS.has(name)) return;
    if (name === "host" || name === "content-length" || name === "expect") return;
    fields.push([name, value]);
  });
  return fields;
}

/** All of an answer of the keeper's; throws where it ends early. */
async function readAll({ whole, body }: OriginResponse): Promise<Uint8Array<ArrayBuffer>> {
  if (whole !== undefined) return whole;
  if (body === null) return new Uint8Array(0);
  return new Uint8Array(await new Response(body).arrayBuffer());
}

function outcomeOf(told: string | null): OutcomeName {
  return OUTCOMES.find((name) => name === told) ?? "pass";
}

function whyNotOf(told: string | null): WhyNot | undefined {
  return WHY_NOT.find((reason) => reason === told);
}
