import { Fault } from "../../base/fault.ts";
import type { Rng } from "../../base/rng.ts";
import type { Choice } from "../../model/decision.ts";
import { pick, steer, type View } from "../../policy/steering/mod.ts";
import { connectionOptions, isHopByHop, writeCdnLoop } from "../../wire/http/mod.ts";
import { vetAddress } from "../../wire/ip/mod.ts";
import type { Fields } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import type { EdgeCounts } from "./count.ts";
import { ATTEMPTS_MAX, HEAD_MS, ORIGIN_EXCHANGES_MAX, SILENT_MS } from "./limits.ts";
import type { OriginClient, OriginResponse } from "./origin.ts";
import { type Refusal, refusals } from "./refuse.ts";
import { type RequestBody, readRequestBody } from "./request-body.ts";
import { namesGiven } from "./rules-fields.ts";

export interface Fetched {
  readonly response: OriginResponse;
  readonly requestedMs: number;
  readonly receivedMs: number;
  /** The last purge that was applied when the request went out. */
  readonly purge: number;
  /** The id of the origin that answered. */
  readonly origin: string;
}

export interface FetchParts {
  readonly node: string;
  readonly origins: OriginClient;
  readonly counts: EdgeCounts;
  readonly rng: Rng;
  readonly nowMs: () => number;
  /** The last purge that was applied here. */
  readonly purged: () => number;
  /** What is known at this moment. */
  readonly view: () => View | null;
}

/** What one fetch sends beside the request's own fields. */
export interface Sending {
  /** Validators of what is held, in place of the client's conditions. */
  readonly conditions: Fields;
  /** True for a fetch whose answer may be shared: conditions and ranges of the client stay here. */
  readonly shared: boolean;
  readonly cdnId: string;
  /** The id of an origin to be asked first, if it is a choice. */
  readonly prefer?: string;
}

const IDEMPOTENT = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);
const CLIENT_CONDITIONS =
  /^(if-match|if-none-match|if-modified-since|if-unmodified-since|if-range|range)$/;

/** The step `fetch`: asks the least-loaded origin, and the next ones where that can be done. */
export class Fetcher {
  readonly #parts: FetchParts;
  readonly #exchanges = new Map<string, number>();

  constructor(parts: FetchParts) {
    this.#parts = parts;
  }

  /**
   * State chart of one attempt:
   *
   *   address not allowed, too many exchanges   next, not counted as an attempt
   *   refused, silent, broken                   next, if the method is idempotent and no body was sent
   *   5xx                                       next, likewise; the last one's is the answer
   *   else                                      the answer
   */
  async fetch(ask: Ask, view: View, sending: Sending): Promise<Fetched | Refusal> {
    const sent = await readRequestBody(ask.request);
    if ("status" in sent) return sent;
    const again = IDEMPOTENT.has(ask.method) && !(sent.body instanceof ReadableStream);
    let failed: Refusal = refusals.noOrigin;
    let attempts = 0;
    let choices = this.#choices(view, ask, sending.prefer);
    const asked = new Set<string>();
    for (;;) {
      const choice = choices.find(({ id }) => !asked.has(id));
      if (choice === undefined) return failed;
      asked.add(choice.id);
      const address = choice.v4 ?? choice.v6;
      if (address === null || !this.#mayConnect(view, choice, address)) continue;
      attempts++;
      const fetched = await this.#attempt(ask, { choice, address, sending, sent });
      const answered = !("status" in fetched);
      if (answered && fetched.response.status < 500) return fetched;
      if (fetched === refusals.badField) return fetched;
      // Whoever hung took its time: who is asked next follows from what is known by now.
      choices = this.#choices(this.#parts.view() ?? view, ask, undefined);
      const left = choices.some(({ id }) => !asked.has(id));
      if (!again || attempts === ATTEMPTS_MAX || !left) return fetched;
      if (answered) await fetched.response.body?.cancel().catch(() => {});
      else failed = fetched;
    }
  }

  /** All choices, the drawn one first. */
  #choices(view: View, ask: Ask, prefer: string | undefined): readonly Choice[] {
    const what = { for: "origins", site: ask.entry.site.index, use: "miss" } as const;
    const { choices } = steer(view, what, { group: 0 });
    const drawn =
      choices.find((choice) => choice.id === prefer) ??
      pick(choices, Math.floor(this.#parts.rng.float() * 4294967296));
    if (drawn === null) return [];
    return [drawn, ...choices.filter((choice) => choice !== drawn)];
  }

  #mayConnect(view: View, choice: Choice, address: string): boolean {
    const { allowPrivateOrigins, allowOriginRanges } = view.snapshot;
    const rules = { allowPrivate: allowPrivateOrigins, ranges: allowOriginRanges };
    if (vetAddress(address, rules) !== null) return false;
    return (this.#exchanges.get(choice.id) ?? 0) < ORIGIN_EXCHANGES_MAX;
  }

  async #attempt(
    ask: Ask,
    o: {
      readonly choice: Choice;
      readonly address: string;
      readonly sending: Sending;
      readonly sent: RequestBody;
    },
  ): Promise<Fetched | Refusal> {
    const { choice, address } = o;
    const { origins, counts, nowMs } = this.#parts;
    const requestedMs = nowMs();
    const purge = this.#parts.purged();
    counts.fetched(choice.id);
    this.#exchanges.set(choice.id, (this.#exchanges.get(choice.id) ?? 0) + 1);
    try {
      const response = await origins.fetch({
        scheme: ask.entry.site.scheme,
        address,
        port: choice.port,
        hostname: ask.entry.hostname,
        method: ask.method,
        path: ask.path,
        fields: this.#fields(ask, o.sending),
        ...o.sent,
        headMs: HEAD_MS,
        silentMs: SILENT_MS,
        onEnd: () => this.#ended(choice.id),
      });
      if (response.load !== undefined) counts.told(choice.id, response.load);
      return { response, requestedMs, receivedMs: nowMs(), purge, origin: choice.id };
    } catch (fault) {
      if (!(fault instanceof Fault)) throw fault;
      if (fault.code === "bad-input") return refusals.badField;
      if (fault.code === "origin-timeout") return refusals.timeout;
      return fault.code === "origin-refused" ? refusals.refused : refusals.badGateway;
    }
  }

  #ended(id: string): void {
    const left = (this.#exchanges.get(id) ?? 1) - 1;
    if (left === 0) this.#exchanges.delete(id);
    else this.#exchanges.set(id, left);
  }

  /** The fields sent: what may be sent on, and our own, which the client cannot write. */
  #fields(ask: Ask, sending: Sending): Fields {
    const { headers } = ask.request;
    const named = connectionOptions(headers.get("connection"));
    const fields: (readonly [string, string])[] = [["host", ask.entry.hostField]];
    const ours = new Set(["accept-encoding", "via", "cdn-loop", "user-agent", "accept"]);
    headers.forEach((_, field) => {
      const name = field.toLowerCase();
      if (isHopByHop(name) || named.has(name) || ours.has(name)) return;
      if (name === "content-length" || name === "expect") return;
      if (sending.shared && CLIENT_CONDITIONS.test(name)) return;
      const value = ask.get(name);
      if (value !== null) fields.push([name, value]);
    });
    const there = new Set(fields.map(([name]) => name));
    for (const name of ask.ruled === null ? [] : namesGiven(ask.ruled.plan)) {
      const value = there.has(name) || ours.has(name) ? null : ask.get(name);
      there.add(name);
      if (value !== null) fields.push([name, value]);
    }
    const via = headers.get("via");
    fields.push(
      ["accept", ask.get("accept") ?? "*/*"],
      ["accept-encoding", ask.get("accept-encoding") ?? "identity"],
      ["user-agent", ask.get("user-agent") ?? "Turnpike"],
      ["via", `${via === null ? "" : `${via}, `}1.1 ${this.#parts.node}`],
      ["cdn-loop", writeCdnLoop(headers.get("cdn-loop"), sending.cdnId)],
      ["x-forwarded-for", ask.client],
      ["x-forwarded-proto", ask.request.url.startsWith("https:") ? "https" : "http"],
      ...sending.conditions,
    );
    return fields;
  }
}
