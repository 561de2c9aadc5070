/** What is under way on one connection. */
interface Busy {
  count: number;
  /** Of those, requests whose bodies may be large. */
  uploads: number;
  /** The look after which, or during which, the last of them began. */
  since: number;
}

/**
 * Which connections have a request under way that is not answered at once, by the client's port: two
 * clients with the same one are taken for one, so that who watches them errs towards leaving both alone.
 */
export class BusyPorts {
  readonly #ports = new Map<number, Busy>();
  #lately = new Set<number>();
  #before = new Set<number>();
  #looks = 0;

  /** Returns what is to be called at its end; calls after the first do nothing. */
  enter(port: number, isUpload: boolean): () => void {
    const busy = this.#ports.get(port) ?? { count: 0, uploads: 0, since: 0 };
    this.#ports.set(port, busy);
    busy.count++;
    busy.since = this.#looks;
    if (isUpload) {
      busy.uploads++;
      this.#lately.add(port);
    }
    let left = false;
    return () => {
      if (left) return;
      left = true;
      busy.count--;
      if (isUpload) busy.uploads--;
      if (busy.count === 0 && this.#ports.get(port) === busy) this.#ports.delete(port);
    };
  }

  has(port: number): boolean {
    return this.#ports.has(port);
  }

  /** It has, or had within the last look or two, a request with a body. */
  hasUpload(port: number): boolean {
    if (this.#lately.has(port) || this.#before.has(port)) return true;
    return (this.#ports.get(port)?.uploads ?? 0) > 0;
  }

  /** All connections are looked at from now on. */
  looking(): void {
    this.#looks++;
  }

  /** All were looked at: of those there were when it began only these ports are connections still. */
  looked(open: ReadonlySet<number>): void {
    this.#before = this.#lately;
    this.#lately = new Set();
    for (const [port, { since }] of this.#ports) {
      if (since < this.#looks && !open.has(port)) this.#ports.delete(port);
    }
  }
}
