import { assert } from "../../base/assert.ts";
import { variantMatches } from "../../policy/caching/mod.ts";
import type { MemoryObject } from "../cache/mod.ts";
import { type Ask, fieldsSeen, type Sent } from "./ask.ts";
import type { Words } from "./crew.ts";
import { count, countBytes } from "./deliver.ts";
import { keepAge, type Prepared, preparedFor } from "./head.ts";
import {
  AT_ONCE_BYTES_MAX,
  KNOWN_PER_OBJECT_MAX,
  KNOWN_URL_LENGTH_MAX,
  KNOWN_URLS_MAX,
} from "./limits.ts";
import { codingFor, mayEncode } from "./rules-encode.ts";

/** A URL that was served from memory before: what it leads to, without parsing. */
interface Known {
  readonly object: MemoryObject<Prepared>;
  readonly ready: Prepared;
  /** A rule may have it compressed: then `ready` is of the bytes as they are. */
  readonly encodes: boolean;
  /** When it stops being fresh, ms since the epoch. */
  readonly freshUntilMs: number;
  readonly site: KnownSite;
  /** Of its site, when this was remembered. */
  readonly generation: number;
  readonly ask: Omit<Ask, "request" | "method" | "client" | "get" | "flight" | "sent">;
  /** The Host field it came with, to the letter. */
  readonly host: string;
}

/** What all URLs of a site have in common: those of an earlier generation are forgotten. */
interface KnownSite {
  generation: number;
}

/**
 * The step `known`: URLs to which `recv` and `lookup` need not be done again. What a request's outcome
 * hangs on beside its URL, Host and the fields looked at here is not remembered (rules on the client's
 * address, for one).
 */
export class KnownUrls {
  readonly #known = new Map<string, Known>();
  /** By customer and hostname. */
  readonly #sites = new Map<string, KnownSite>();
  readonly #node: string;
  readonly #words: Pick<Words, "isCurrent"> | null;

  /** @param words of a node with several processes */
  constructor(node: string, words: Pick<Words, "isCurrent"> | null = null) {
    this.#node = node;
    this.#words = words;
  }

  /** Null: the long way. Budget: no await, one Response, six header reads; see bench/edge. */
  serve(request: Request, nowMs: number, sent: Sent | null): Response | null {
    const known = this.#known.get(request.url);
    if (known === undefined || request.method !== "GET") return null;
    const { object, ask } = known;
    const { headers } = request;
    if (!object.alive || nowMs >= known.freshUntilMs) return null;
    // The clock was set back: the long way judges what that makes of it.
    if (nowMs < object.meta.receivedMs) return null;
    if (known.generation !== known.site.generation) return null;
    const { stamp } = object;
    if (this.#words !== null && (stamp === null || !this.#words.isCurrent(stamp))) return null;
    if (headers.get("host") !== known.host) return null;
    if (headers.get("if-none-match") !== null || headers.get("range") !== null) return null;
    if (headers.get("if-modified-since") !== null) return null;
    if (ask.form === "path" && headers.has("service-worker")) return null;
    const { meta } = object;
    if (meta.vary.length > 0) {
      const get = fieldsSeen({ form: ask.form, request, client: null }, ask.ruled);
      if (!variantMatches(meta, get)) return null;
    }
    assert(meta.customer === ask.entry.customer, "An object is served to its own customer's users");
    const coding = known.encodes ? codingFor(headers) : null;
    const encoded = coding === null ? null : object.encoded?.get(coding);
    // In a coding that is not made yet: the long way sees to that.
    if (encoded === undefined) return null;
    const ready =
      encoded === null && known.ready.openedTo === null
        ? known.ready
        : preparedFor(
            object,
            { ...ask, request },
            {
              node: this.#node,
              ...(known.encodes && { coding: encoded === null ? null : coding }),
            },
          );
    object.visited = true;
    count(ask, "hit");
    const bytes = encoded?.byteLength ?? meta.bodyBytes;
    countBytes(bytes > AT_ONCE_BYTES_MAX ? { ...ask, sent } : ask, bytes);
    if (sent !== null) {
      sent.owner = ask.entry;
      if (sent.held === 0) sent.bytes = bytes;
    }
    keepAge(ready, meta, { node: this.#node, nowMs, ruled: ask.ruled });
    return new Response(encoded ?? object.body(), ready.init);
  }

  remember(object: MemoryObject<Prepared>, ask: Ask): void {
    const host = ask.request.headers.get("host");
    const { url } = ask.request;
    if (ask.ruled !== null && !ask.ruled.plan.byUrlAlone) return;
    if (host === null || url.length > KNOWN_URL_LENGTH_MAX) return;
    if (this.#known.size >= KNOWN_URLS_MAX) this.forgetAll();
    const { entry, form, path, key, ruled } = ask;
    if (object.meta.status !== 200) return;
    if (this.#known.get(url)?.object !== object) {
      if (object.urls.length >= KNOWN_PER_OBJECT_MAX) return;
      object.urls.push(url);
    }
    const { receivedMs, freshness } = object.meta;
    const site = this.#siteOf(entry.customer, entry.hostname);
    const encodes = mayEncode(object.meta, ruled);
    this.#known.set(url, {
      ...{ object, host, site, generation: site.generation },
      ask: { entry, form, path, key, ruled },
      ready: preparedFor(object, ask, { node: this.#node, ...(encodes && { coding: null }) }),
      encodes,
      freshUntilMs: freshness.alwaysValidate
        ? 0
        : receivedMs + freshness.lifetimeMs - freshness.initialAgeMs,
    });
  }

  /** The object is no more. */
  forget(object: MemoryObject<Prepared>): void {
    for (const url of object.urls) this.#known.delete(url);
  }

  /** What any URL of this site led to is looked up anew. */
  forgetSite(of: { readonly customer: string; readonly site: string }): void {
    this.#siteOf(of.customer, of.site).generation++;
  }

  #siteOf(customer: string, hostname: string): KnownSite {
    const name = `${customer} ${hostname}`;
    const site = this.#sites.get(name) ?? { generation: 0 };
    this.#sites.set(name, site);
    return site;
  }

  forgetAll(): void {
    for (const { object } of this.#known.values()) object.urls.length = 0;
    this.#known.clear();
    this.#sites.clear();
  }
}
