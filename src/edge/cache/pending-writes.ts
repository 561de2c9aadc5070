import type { ObjectMeta } from "./object.ts";

/** An object on its way to the disk. */
export interface PendingWrite {
  /** It was purged, or one of the same variant came after it: it is not to be found any more. */
  cancelled: boolean;
  readonly variant: string;
  readonly done: Promise<void>;
}

type Variant = Pick<ObjectMeta, "variant">;

/** The writes that wait or are under way, by the hash of their key. */
export class PendingWrites {
  readonly #byKey = new Map<string, Set<PendingWrite>>();

  /** Of one variant the last counts, whichever of them is on disk first. */
  begin(hash: string, { variant }: Variant) {
    this.supersede(hash, { variant });
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const pending: PendingWrite = { cancelled: false, variant, done };
    const set = this.#byKey.get(hash) ?? new Set();
    this.#byKey.set(hash, set.add(pending));
    const end = () => {
      set.delete(pending);
      if (set.size === 0) this.#byKey.delete(hash);
      resolve();
    };
    return { pending, end };
  }

  /** A later one of this variant is known: none of those on their way is to be found any more. */
  supersede(hash: string, { variant }: Variant): void {
    for (const write of this.#byKey.get(hash) ?? []) {
      if (write.variant === variant) write.cancelled = true;
    }
  }

  /** None of the key's comes into force any more; resolves when all have ended. */
  async cancel(hash: string): Promise<void> {
    const writes = [...(this.#byKey.get(hash) ?? [])];
    for (const write of writes) write.cancelled = true;
    await Promise.all(writes.map((write) => write.done));
  }

  /** Resolves when there are none. */
  async settled(): Promise<void> {
    while (this.#byKey.size > 0) {
      await Promise.all([...this.#byKey.values()].flatMap((set) => [...set].map((w) => w.done)));
    }
  }
}
