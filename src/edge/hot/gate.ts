/**
 * How many exchanges run with each origin at once. Beyond the most that an origin may have, requests
 * queue for it: as many as may run, each for a bounded time; so one that hangs holds up nobody else's.
 */
export class Gate {
  readonly #running = new Map<string, number>();
  readonly #queues = new Map<string, Set<() => void>>();

  /** Takes a place, if there is one. */
  enter(id: string, most: number): boolean {
    const running = this.#running.get(id) ?? 0;
    if (running >= most) return false;
    this.#running.set(id, running + 1);
    return true;
  }

  /**
   * Waits for a place and takes it. False: the queue is full, or none came free in time.
   *
   * @param o.waiting how many may wait; as many as may run where it is left out
   */
  wait(
    id: string,
    o: { readonly most: number; readonly ms: number; readonly waiting?: number },
  ): Promise<boolean> {
    if (this.enter(id, o.most)) return Promise.resolve(true);
    const queue = this.#queues.get(id) ?? new Set();
    if (queue.size >= (o.waiting ?? o.most)) return Promise.resolve(false);
    this.#queues.set(id, queue);
    return new Promise((resolve) => {
      const settle = (entered: boolean) => {
        clearTimeout(timer);
        queue.delete(called);
        if (queue.size === 0 && this.#queues.get(id) === queue) this.#queues.delete(id);
        resolve(entered);
      };
      const called = () => settle(true);
      const timer = setTimeout(() => settle(false), o.ms);
      queue.add(called);
    });
  }

  /** Gives the place back, or to the first in the queue. */
  leave(id: string): void {
    const next = this.#queues.get(id)?.values().next().value;
    const left = (this.#running.get(id) ?? 1) - 1;
    if (next !== undefined) next();
    else if (left === 0) this.#running.delete(id);
    else this.#running.set(id, left);
  }
}
