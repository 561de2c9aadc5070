import { type Evictor, type MakeEvictor, PROBATION_PART } from "./evictor.ts";
import { Present } from "./present.ts";
import { grown, NONE, type Slots } from "./slots.ts";

/** A customer's part is looked for anew after this many evictions for each 64 customers. */
const CUSTOMERS_PER_LOOK = 64;
/** What a customer is taken to hold beside what has proved good, in equal shares. */
const CREDIT = 0.25;

/**
 * One cache for many customers, each with an evictor of its own, so that nobody's objects compete
 * with another's. Who gives way when room is needed:
 *
 *   a customer who is no more holds some    that one
 *   more than a tenth on probation in all   the one with the most there for what it has that is good
 *   else                                    the one with the most that has proved good
 *
 * So a flood of URLs that nobody asks for twice moves through a part of a tenth, and a customer who
 * holds no more than an equal share loses nothing of what is in use (H18). What nobody else needs, one
 * customer may use alone. Whoever has nothing that is good yet counts as having a quarter of a share.
 */
export class Shares {
  readonly #slots: Slots;
  readonly #make: MakeEvictor;
  readonly #numbers = new Map<number, number>();
  readonly #parts: Evictor[] = [];
  #owner = new Uint32Array(0);
  #probation = new Float64Array(16);
  #proven = new Float64Array(16);
  #probationSum = 0;
  #sum = 0;
  #count = 0;
  #victim = NONE;
  #looks = 0;
  #fromProbation = false;
  readonly #present: Present;
  #presentVersion = 0;
  /** Numbers of customers who are no more, and held something when that was last looked at. */
  #gone: number[] = [];

  constructor(slots: Slots, make: MakeEvictor, present = new Present()) {
    this.#slots = slots;
    this.#make = make;
    this.#present = present;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#sum;
  }

  /** Memory held beside the slot table. */
  get ownBytes(): number {
    let bytes = this.#owner.byteLength + this.#probation.byteLength + this.#proven.byteLength;
    for (const part of this.#parts) bytes += part.ownBytes;
    return bytes;
  }

  bytesOf(customer: number): number {
    const number = this.#numbers.get(customer);
    return number === undefined ? 0 : this.#parts[number]!.bytes;
  }

  /** `heldSinceSec`: since when, of what is no newcomer; null of what is. */
  insert(slot: number, customer: number, heldSinceSec: number | null = null): void {
    const number = this.#numberOf(customer);
    if (slot >= this.#owner.length) {
      this.#owner = grown(this.#owner, new Uint32Array(this.#slots.hash.length));
    }
    this.#owner[slot] = number;
    const part = this.#parts[number]!;
    // It came after those who are no more were looked for: it was on its way.
    const wasLooked = this.#presentVersion === this.#present.version;
    if (part.count === 0 && wasLooked && !this.#present.has(customer)) this.#gone.push(number);
    if (heldSinceSec === null) part.insert(slot);
    else part.restore(slot, heldSinceSec);
    this.#count++;
    this.#weigh(number);
  }

  find(slot: number): void {
    this.#parts[this.#owner[slot]!]!.find(slot);
  }

  remove(slot: number): void {
    const number = this.#owner[slot]!;
    this.#parts[number]!.remove(slot);
    this.#count--;
    this.#weigh(number);
  }

  /** Whom to evict; NONE when nothing is held. The caller removes it next. */
  toEvict(): number {
    if (this.#count === 0) return NONE;
    const gone = this.#goneOne();
    if (gone !== NONE) return this.#evictOf(gone, false);
    const fromProbation = this.#probationSum > PROBATION_PART * this.#sum;
    const known = this.#victim !== NONE && this.#parts[this.#victim]!.count > 0;
    if (!known || this.#looks <= 0 || fromProbation !== this.#fromProbation) {
      this.#victim = this.#most(fromProbation);
      this.#looks = Math.floor(this.#parts.length / CUSTOMERS_PER_LOOK);
      this.#fromProbation = fromProbation;
    } else this.#looks--;
    return this.#evictOf(this.#victim, fromProbation);
  }

  #evictOf(number: number, fromProbation: boolean): number {
    const slot = this.#parts[number]!.toEvict(fromProbation);
    this.#weigh(number);
    return slot;
  }

  /** Nobody asks for what they hold, and in an equal share it would stay for good. */
  #goneOne(): number {
    const { version } = this.#present;
    if (this.#presentVersion !== version) {
      this.#presentVersion = version;
      const gone = [...this.#numbers].filter(([customer]) => !this.#present.has(customer));
      this.#gone = gone.map(([, number]) => number);
    }
    for (let last = this.#gone.at(-1); last !== undefined; last = this.#gone.at(-1)) {
      if (this.#parts[last]!.count > 0) return last;
      this.#gone.pop();
    }
    return NONE;
  }

  #most(onProbation: boolean): number {
    const credit = (CREDIT * this.#sum) / this.#parts.length;
    let most = NONE;
    let excess = -1;
    for (let i = 0; i < this.#parts.length; i++) {
      const proven = this.#proven[i]!;
      const own = onProbation ? this.#probation[i]! / (proven + credit) : proven;
      if (own <= excess || this.#parts[i]!.count === 0) continue;
      most = i;
      excess = own;
    }
    return most;
  }

  #numberOf(customer: number): number {
    const known = this.#numbers.get(customer);
    if (known !== undefined) return known;
    const number = this.#parts.push(this.#make(this.#slots)) - 1;
    this.#numbers.set(customer, number);
    this.#slots.evictors = this.#parts.length;
    if (number >= this.#proven.length) {
      this.#proven = grown(this.#proven, new Float64Array(number * 2));
      this.#probation = grown(this.#probation, new Float64Array(number * 2));
    }
    return number;
  }

  #weigh(number: number): void {
    const { bytes, probationBytes } = this.#parts[number]!;
    this.#sum += bytes - this.#proven[number]! - this.#probation[number]!;
    this.#probationSum += probationBytes - this.#probation[number]!;
    this.#probation[number] = probationBytes;
    this.#proven[number] = bytes - probationBytes;
  }
}
