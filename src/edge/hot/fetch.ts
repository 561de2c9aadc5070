import { Fault } from "../../base/fault.ts";
import type { FaultCode } from "../../base/fault-codes.ts";
import type { Rng } from "../../base/rng.ts";
import type { Choice } from "../../model/decision.ts";
import type { FindCredential } from "../../model/origin-credential.ts";
import { pick, type View } from "../../policy/steering/mod.ts";
import type { Hashes } from "../../wire/http/mod.ts";
import type { Fields } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { Chosen } from "./chosen.ts";
import type { EdgeCounts } from "./count.ts";
import { mayAskS3, type Shown, shownTo, signedForS3 } from "./credentials.ts";
import type { Fetched, Sending } from "./fetched.ts";
import { Gate } from "./gate.ts";
import { type Asking, firstGood, Hedges } from "./hedge.ts";
import { Lacks } from "./lacks.ts";
import { Leavers } from "./leavers.ts";
import { EXCHANGES_MAX, HEAD_MS, QUEUE_MS, SILENT_MS } from "./limits.ts";
import type { OriginClient, OriginRequest } from "./origin.ts";
import { type Judged, Parents, type ParentTimes, type Where } from "./parents.ts";
import { type Candidate, candidatesOf, fetchOf, judgeStatus, siteIn } from "./pool.ts";
import { type Refusal, refusals } from "./refuse.ts";
import { type RequestBody, readRequestBody } from "./request-body.ts";
import { fieldsToSend } from "./request-fields.ts";
import { Shares } from "./shares.ts";
import type { TierKeys } from "./tier.ts";

export interface FetchParts {
  readonly node: string;
  readonly origins: OriginClient;
  readonly counts: EdgeCounts;
  readonly rng: Rng;
  readonly nowMs: () => number;
  /** The last purge that was applied here. */
  readonly purged: () => number;
  /** How many times cache groups have been ended by answers of web servers. */
  readonly groupEnds: () => number;
  /** What is known at this moment. */
  readonly view: () => View | null;
  /** The last purge that is applied or being applied here. */
  readonly purgeBegun: () => number;
  readonly banned: (of: Judged) => "hard" | "soft" | null;
  readonly tierKeys: TierKeys;
  readonly parentTimes?: ParentTimes;
  /** What we show to web servers. */
  readonly credentials: FindCredential;
  /** By which requests to stores are signed. */
  readonly hashes: Hashes;
  /** Exchanges of all customers together; `EXCHANGES_MAX` where it is left out. */
  readonly exchangesMax?: number;
}

/** A place at a server for something that lasts, such as a WebSocket. */
export interface Place extends Candidate {
  readonly tls?: OriginRequest["tls"];
  readonly fields: Fields;
  /** It answered, after so many ms; or did not. */
  settled(said: { readonly ms: number | null; readonly well: boolean }): void;
  /** Gives the place back. */
  leave(): void;
}

/** One exchange: with whom, and what is said. */
interface AttemptOptions {
  readonly candidate: Candidate;
  readonly sending: Sending;
  readonly sent: RequestBody;
  readonly shown: Shown;
  /** Aborted when its answer is for nobody any more. */
  readonly signal?: AbortSignal;
}

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
/** What a client is told of a web server that gave no answer; of all else that it broke off. */
const REFUSED_BY: ReadonlyMap<FaultCode, Refusal> = new Map<FaultCode, Refusal>([
  ["origin-refused", refusals.refused],
  ["origin-unreached", refusals.unreached],
  ["origin-timeout", refusals.timeout],
  ["origin-no-tls", refusals.noTls],
  ["origin-untrusted", refusals.untrusted],
]);
/** No connection came about: whoever was asked has heard nothing of the request (RFC 9110 9.2.2). */
const UNHEARD: ReadonlySet<unknown> = new Set([
  ...[refusals.refused, refusals.unreached, refusals.noTls, refusals.untrusted],
]);
/** What may be asked of two servers at once. */
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/** The step `fetch`: asks the least-loaded origin, and the next ones where that can be done. */
export class Fetcher {
  readonly #parts: FetchParts;
  readonly #chosen = new Chosen();
  readonly #gate = new Gate();
  readonly #lacks = new Lacks();
  readonly #leavers = new Leavers();
  readonly #hedges = new Hedges();
  readonly #shares: Shares;
  readonly #parents: Parents;

  constructor(parts: FetchParts) {
    this.#parts = parts;
    this.#shares = new Shares(parts.exchangesMax ?? EXCHANGES_MAX);
    this.#parents = new Parents(parts, this.#shares);
  }

  /** Names of the caches that would be asked before its web servers, in order. */
  parentsOf(ask: Ask, view: View): readonly string[] {
    return this.#parents.named(ask, view);
  }

  /** An unsafe request changed what this key names. */
  changed(customer: string, key: string, where: Where): void {
    this.#parents.changed(customer, key, where);
  }

  /** Asks for what `ask` asks for; a client that left too much behind is told to wait. */
  async fetch(ask: Ask, view: View, sending: Sending): Promise<Fetched | Refusal> {
    const stay = this.#leavers.watch(ask.client, ask.request.signal);
    if (stay === null) return refusals.busy;
    try {
      return await this.#ask(ask, view, sending);
    } finally {
      stay.end();
    }
  }

  /**
   * State chart of one attempt:
   *
   *   address not allowed, path not held   not asked
   *   as much open with it as it may have  next; with nobody left, the first one's queue     503
   *   the customer has its share           not asked                                         503
   *   refused, no connection               next, unless the body comes as it goes
   *   silent, broken                       next, if the method is idempotent, likewise
   *   a status of the site's `moveOn`      next, likewise; those that lack it only for GET and HEAD
   *   else                                 the answer
   *   no head for as long as the site says next, beside it: the first answer counts (hedging)
   *
   * At the end: what a server that lacks it said, else what the last one did. It is `unsure` that
   * nobody has it while one of those asked said something else, or the next could not be asked.
   */
  async #ask(ask: Ask, view: View, sending: Sending): Promise<Fetched | Refusal> {
    const sent = await readRequestBody(ask.request, ask.alive);
    if ("status" in sent) return sent;
    const rules = fetchOf(ask.entry.site);
    const shown = shownTo(ask.entry, this.#parts.credentials);
    if (shown === null) return refusals.uncredentialed;
    const may = mayAskS3(ask, shown);
    if (may === "object") return refusals.noObject;
    if (may === "method" || (shown.s3 !== null && sent.body !== null)) return refusals.method;
    const above = await this.#parents.ask(ask, view, sending);
    if (above !== null) return above;
    const whole = !(sent.body instanceof ReadableStream);
    const again = IDEMPOTENT.has(ask.method) && whole;
    const asked = new Set<string>();
    let prefer = sending.prefer;
    let lacking: Fetched | null = null;
    let failed: Fetched | Refusal = refusals.noOrigin;
    let failures = 0;
    for (;;) {
      // Whoever hung took its time: who is asked next follows from what is known by now.
      const candidate = await this.#next(this.#parts.view() ?? view, ask, { asked, prefer });
      if (candidate === null || "status" in candidate) {
        failed = candidate !== null && asked.size === 0 ? candidate : failed;
        // There is no place at it, and it may have what the others lack.
        if (candidate !== null && candidate !== refusals.noOrigin) failures++;
        break;
      }
      const hedged = SAFE.has(ask.method) && sent.body === null && prefer === undefined;
      prefer = undefined;
      asked.add(candidate.choice.id);
      const o = { sending, sent, shown, candidate, asked };
      const all = hedged ? await this.#hedged(ask, view, o) : [await this.#attempt(ask, o)];
      for (const fetched of all) {
        const said = "status" in fetched ? "failed" : this.#judge(ask, fetched);
        if (said === "answer" || fetched === refusals.badField) {
          // Unread they would keep their places for good.
          await dismiss(lacking);
          await dismiss(failed);
          return fetched;
        }
        if (said === "failed") failures++;
        if (said === "lacks" && lacking === null) lacking = fetched as Fetched;
        else {
          if (said === "failed") await dismiss(failed);
          if (said === "failed") failed = fetched;
          else await dismiss(fetched);
        }
      }
      const unheard = whole && all.every((one) => UNHEARD.has(one));
      if ((!again && !unheard) || asked.size >= rules.attempts) break;
    }
    if (lacking === null) return failed;
    await dismiss(failed);
    return failures === 0 ? lacking : { ...lacking, unsure: true };
  }

  /** One attempt, and another one beside it where the site wants that and the first is slow. */
  async #hedged(
    ask: Ask,
    view: View,
    o: AttemptOptions & { readonly asked: Set<string> },
  ): Promise<readonly (Fetched | Refusal)[]> {
    const { hedge, attempts } = fetchOf(ask.entry.site);
    const { hostname } = ask.entry;
    const waitMs = hedge === undefined ? null : this.#hedges.waitMs(hostname, hedge);
    const noteTime = hedge === "p95";
    const asking = (candidate: Candidate): Asking<Fetched | Refusal> => {
      const beganMs = performance.now();
      const leave = new AbortController();
      const result = this.#attempt(ask, { ...o, candidate, signal: leave.signal });
      const noted = result.finally(() => {
        if (noteTime) this.#hedges.note(hostname, performance.now() - beganMs);
      });
      return { result: noted, giveUp: () => leave.abort() };
    };
    if (hedge === undefined) return [await this.#attempt(ask, o)];
    const first = asking(o.candidate);
    if (waitMs === null) return [await first.result];
    let beside: string | null = null;
    const said = await firstGood({
      ...{ first, waitMs },
      second: () => {
        if (o.asked.size >= attempts) return null;
        const another = ask.turn?.another();
        if (another === null) return null;
        const next = this.#free(this.#parts.view() ?? view, ask, o.asked);
        if (next === null) another?.give();
        if (next === null) return null;
        o.asked.add(next.choice.id);
        beside = next.choice.id;
        this.#parts.counts.hedged(hostname, "asked");
        const { result, giveUp } = asking(next);
        return { result: result.finally(() => another?.give()), giveUp };
      },
      good: (said) => !("status" in said) && this.#judge(ask, said) === "answer",
      dismiss: (said) => void dismiss(said),
    });
    const [only] = said;
    const won = said.length === 1 && only !== undefined && !("status" in only);
    if (won && only.origin === beside) this.#parts.counts.hedged(hostname, "won");
    return said;
  }

  /** A place at another server, if one is free at once and the site may ask twice. */
  #free(view: View, ask: Ask, asked: ReadonlySet<string>): Candidate | null {
    const choices = this.#choices(view, ask, undefined).filter(({ id }) => !asked.has(id));
    const candidates = candidatesOf(view, choices, ask.path);
    const { customer, hostname } = ask.entry;
    if (candidates.length === 0 || !this.#shares.enter(customer)) return null;
    for (const candidate of candidates) {
      if (!this.#gate.enter(candidate.choice.id, candidate.exchangesMax)) continue;
      if (this.#hedges.take(hostname)) return candidate;
      this.#gate.leave(candidate.choice.id);
      break;
    }
    this.#shares.leave(customer);
    return null;
  }

  /**
   * A place at the next server that was not asked yet. Null: there is none.
   *
   * @param o.asked ids of those that were
   */
  async place(
    ask: Ask,
    view: View,
    o: { readonly asked: ReadonlySet<string>; readonly cdnId: string },
  ): Promise<Place | Refusal | null> {
    const shown = shownTo(ask.entry, this.#parts.credentials);
    if (shown === null) return refusals.uncredentialed;
    if (shown.s3 !== null) return refusals.method;
    const next = await this.#next(view, ask, { asked: o.asked, prefer: undefined });
    if (next === null || "status" in next) return next;
    const { counts } = this.#parts;
    const { id } = next.choice;
    const sending = { conditions: [], shared: false, cdnId: o.cdnId };
    counts.fetched(id, next.exchangesMax);
    return {
      ...next,
      fields: fieldsToSend(ask, { sending, shown, node: this.#parts.node }),
      ...tlsOf(ask, shown),
      settled: (said) => counts.settled(id, said),
      leave: () => this.#left(ask, id),
    };
  }

  #left(ask: Ask, id: string): void {
    this.#gate.leave(id);
    this.#shares.leave(ask.entry.customer);
    this.#parts.counts.ended(id);
  }

  /** What was answered, and noted where it says that this server lacks it. */
  #judge(ask: Ask, fetched: Fetched): "answer" | "lacks" | "failed" {
    const said = judgeStatus(fetched.response.status, fetchOf(ask.entry.site));
    const read = ask.method === "GET" || ask.method === "HEAD";
    if (said !== "lacks") return said;
    if (!read) return "answer";
    this.#lacks.note(fetched.origin, ask.path, performance.now());
    return said;
  }

  /** The next server to be asked, with a place at it taken. Null: there is none. */
  async #next(
    view: View,
    ask: Ask,
    o: { readonly asked: ReadonlySet<string>; readonly prefer: string | undefined },
  ): Promise<Candidate | Refusal | null> {
    const choices = this.#choices(view, ask, o.prefer).filter(({ id }) => !o.asked.has(id));
    const candidates = candidatesOf(view, choices, ask.path);
    const first = candidates[0];
    if (first === undefined) return choices.length > 0 ? refusals.noOrigin : null;
    const { customer } = ask.entry;
    if (!this.#shares.enter(customer)) return refusals.crowded;
    for (const candidate of candidates) {
      if (this.#gate.enter(candidate.choice.id, candidate.exchangesMax)) return candidate;
    }
    const place = { most: first.exchangesMax, ms: QUEUE_MS };
    if (await this.#gate.wait(first.choice.id, place)) return first;
    this.#shares.leave(customer);
    return refusals.busy;
  }

  /** All choices, the drawn one first; those that lately lacked it last. */
  #choices(view: View, ask: Ask, prefer: string | undefined): readonly Choice[] {
    const site = siteIn(view.snapshot, ask.entry);
    const choices = site === null ? [] : this.#chosen.of(view, site);
    const nowMs = performance.now();
    const lacks = (choice: Choice) => this.#lacks.has(choice.id, ask.path, nowMs);
    const having = choices.filter((choice) => !lacks(choice));
    const drawn =
      choices.find((choice) => choice.id === prefer) ??
      pick(having.length > 0 ? having : choices, Math.floor(this.#parts.rng.float() * 4294967296));
    if (drawn === null) return [];
    const rest = choices.filter((choice) => choice !== drawn);
    return [drawn, ...rest.filter((choice) => !lacks(choice)), ...rest.filter(lacks)];
  }

  async #attempt(ask: Ask, o: AttemptOptions): Promise<Fetched | Refusal> {
    const { choice, address, exchangesMax } = o.candidate;
    const { origins, counts, nowMs } = this.#parts;
    const requestedMs = nowMs();
    const said = { purge: this.#parts.purged(), groupEnds: this.#parts.groupEnds() };
    counts.fetched(choice.id, exchangesMax);
    // Held until all of the answer came: that may be long after the request had it.
    ask.turn?.hold();
    try {
      const response = await origins.fetch({
        scheme: ask.entry.site.scheme,
        address,
        port: choice.port,
        hostname: o.shown.s3?.host ?? ask.entry.hostname,
        ...tlsOf(ask, o.shown),
        identity: o.shown.identity,
        method: ask.method,
        ...this.#said(ask, { ...o, choice }),
        ...o.sent,
        headMs: HEAD_MS,
        silentMs: SILENT_MS,
        ...(o.signal === undefined ? {} : { signal: o.signal }),
        onEnd: () => {
          ask.turn?.give();
          this.#left(ask, choice.id);
        },
      });
      if (response.load !== undefined) counts.told(choice.id, response.load);
      const receivedMs = nowMs();
      const well = response.status < 500;
      counts.settled(choice.id, { ms: well ? receivedMs - requestedMs : null, well });
      return { response, requestedMs, receivedMs, ...said, origin: choice.id };
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      if (fault.code === "bad-input") return refusals.badField;
      // Another one was faster: that says nothing of how well this one is.
      if (o.signal?.aborted === true) counts.settled(choice.id, { ms: null, well: true });
      else counts.settled(choice.id, { ms: null, well: false });
      return REFUSED_BY.get(fault.code) ?? refusals.badGateway;
    }
  }

  /** Path and fields. */
  #said(
    ask: Ask,
    o: { readonly choice: Choice; readonly sending: Sending; readonly shown: Shown },
  ): { readonly path: string; readonly fields: Fields } {
    const fields = fieldsToSend(ask, { ...o, node: this.#parts.node });
    const { s3 } = o.shown;
    if (s3 === null) return { path: ask.path, fields };
    const { hashes, nowMs } = this.#parts;
    return signedForS3(ask, { ...hashes, s3, fields, port: o.choice.port, nowMs: nowMs() });
  }
}

function tlsOf(ask: Ask, { tls }: Shown): Pick<OriginRequest, "tls"> {
  const { ca } = fetchOf(ask.entry.site);
  if (ca === undefined && tls === null) return {};
  return { tls: { ...(ca === undefined ? {} : { ca }), ...tls } };
}

/** Lets go of an answer that nobody gets. */
async function dismiss(fetched: Fetched | Refusal | null): Promise<void> {
  if (fetched === null || "status" in fetched) return;
  await fetched.response.body?.cancel().catch(() => {});
}
