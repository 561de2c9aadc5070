import { join } from "node:path";
import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { Bus } from "../../bus/mod.ts";
import type { Feed } from "../../model/feed.ts";
import type { SecretSets } from "../../model/secrets.ts";
import { type CopyKind, readSealedCopy, writeSealedCopy } from "../../store/sealed-copy.ts";
import type { NodeBox } from "../../store/sealed-word.ts";

/** How often control is asked whether secrets have changed, ms. */
export const ASK_MS = 2000;

/** Where a node's feeds of secrets live. */
export interface SecretWorld {
  /** Where the node keeps its own copies, each sealed with a key of its own file. */
  readonly dataDir: string;
  /** To which control seals what it gives this node. */
  readonly box: NodeBox;
  readonly feed: Pick<Feed, "onSnapshot">;
  readonly bus: Bus;
  readonly rng: Rng;
  readonly log: Log;
}

export interface SecretFeedOptions<S> {
  /** What the node kept, or nothing. */
  readonly kept: S;
  /** Null: nothing has changed. Fails when control does not answer. */
  readonly ask: (have: S) => Promise<S | null>;
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
    const next = await ask(this.#set).catch(() => null);
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

/** A kind of secrets that a node follows. */
export interface SecretKind<S extends { readonly digest: string }> {
  /** Of the files of its copy, without their endings. */
  readonly file: string;
  readonly copy: CopyKind<S>;
  /** What there is before anything was ever heard of. */
  readonly none: S;
  readonly describe: SecretFeedOptions<S>["describe"];
}

/** Starts from the copy, without waiting for control, then keeps up with it. */
export async function follow<S extends { readonly digest: string }, F extends SecretFeed<S>>(
  world: SecretWorld,
  Made: new (o: SecretFeedOptions<S>) => F,
  kind: SecretKind<S> & { readonly ask: SecretFeedOptions<S>["ask"] },
): Promise<F> {
  const { dataDir, rng, feed, log } = world;
  const { ask, describe, copy, none } = kind;
  const at = (ending: string) => join(dataDir, `${kind.file}.${ending}`);
  const file = { path: at("sealed"), masterPath: at("secret"), rng };
  const kept = (await readSealedCopy(file, copy)) ?? none;
  const keep = (set: S) => writeSealedCopy(file, copy, set);
  const made = new Made({ kept, ask, keep, describe, feed, log });
  made.follow();
  return made;
}

/** Asks control for a set of secrets, which it seals to this node; null when nothing has changed. */
export function asking<S extends keyof SecretSets>(
  { bus, box }: Pick<SecretWorld, "bus" | "box">,
  subject: S,
): (have: SecretSets[S]) => Promise<SecretSets[S] | null> {
  return async ({ digest: have }) => {
    const word = await bus.request(subject, { have, sealTo: box.sealTo }, ASK_MS);
    return word === null ? null : (box.open(word) as SecretSets[S]);
  };
}
