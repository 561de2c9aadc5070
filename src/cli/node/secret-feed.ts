import type { Log } from "../../base/log.ts";
import type { Feed } from "../../model/feed.ts";

/** How often control is asked whether secrets have changed, ms. */
export const ASK_MS = 2000;

export interface SecretFeedOptions<S> {
  /** What the node kept, or nothing. */
  readonly kept: S;
  /** Null: nothing has changed. Fails when control does not answer. */
  readonly ask: (have: string) => Promise<S | null>;
  /** Keeps a copy, so that the node serves with control dead. */
  readonly keep: (set: S) => Promise<void>;
  /** What changed, for the log: words and figures, no secrets. */
  readonly describe: (set: S) => readonly [words: string, fields: Readonly<Record<string, number>>];
  /** With a new snapshot other secrets may be needed. */
  readonly feed: Pick<Feed, "onSnapshot">;
  readonly log: Log;
}

/** A set of secrets that control gives and this node follows: from its copy first, without waiting. */
export class SecretFeed<S extends { readonly digest: string }> {
  readonly #o: SecretFeedOptions<S>;
  readonly #listeners = new Set<() => void>();
  #set: S;
  #stops: (() => void)[] = [];
  #asking: Promise<void> | null = null;
  #again = false;

  constructor(o: SecretFeedOptions<S>) {
    this.#o = o;
    this.#set = o.kept;
  }

  get set(): S {
    return this.#set;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  follow(): void {
    const timer = setInterval(() => void this.catchUp(), ASK_MS);
    const unsubscribe = this.#o.feed.onSnapshot(() => void this.catchUp());
    this.#stops = [() => clearInterval(timer), unsubscribe];
    void this.catchUp();
  }

  /** Something else that ends with this. */
  onStop(end: () => void): void {
    this.#stops.push(end);
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Asks once. Without an answer, what was before goes on to be used. */
  catchUp(): Promise<void> {
    // Whoever asks while another asks may know of something newer.
    this.#again = true;
    this.#asking ??= this.#askAll().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #askAll(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      await this.#ask();
    }
  }

  async #ask(): Promise<void> {
    const { ask, keep, describe, log } = this.#o;
    const next = await ask(this.#set.digest).catch(() => null);
    if (next === null) return;
    // On disk first; a full disk costs durability, not service.
    await keep(next).catch((error: unknown) => {
      log.error("Cannot keep secrets on disk; they are used from memory", { error });
    });
    this.#set = next;
    for (const listener of this.#listeners) listener();
    log.info(...describe(next));
  }
}
