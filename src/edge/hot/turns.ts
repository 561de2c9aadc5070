import { assert } from "../../base/assert.ts";
import { Gate } from "./gate.ts";
import { TURN_WAIT_MS, TURNS_MAX, TURNS_WAITING_MAX } from "./limits.ts";

/**
 * How many requests of one client's connection have exchanges with servers under way at once (threats
 * H15). A turn is taken before others can wait for what the request fetches: who asks for the same by
 * another connection never waits in this one's queue.
 */
export class Turns {
  readonly #gate = new Gate();

  /** @param connection address and port of the client */
  of(connection: string): Turn {
    return new Turn(this.#gate, connection);
  }
}

/**
 * The turn of one request. Each of its steps that needs one takes it, and gives it back; all of them hold
 * the same one.
 */
export class Turn {
  readonly #gate: Gate;
  readonly #connection: string;
  #users = 0;

  constructor(gate: Gate, connection: string) {
    this.#gate = gate;
    this.#connection = connection;
  }

  /** Takes it, if it is held already or one is free. */
  takeNow(): boolean {
    if (this.#users === 0 && !this.#gate.enter(this.#connection, TURNS_MAX)) return false;
    this.#users++;
    return true;
  }

  /** Takes it once one is free. False: too many wait, or none came free in time. */
  async take(): Promise<boolean> {
    if (this.takeNow()) return true;
    const wait = { most: TURNS_MAX, waiting: TURNS_WAITING_MAX, ms: TURN_WAIT_MS };
    if (!(await this.#gate.wait(this.#connection, wait))) return false;
    // Another step of the same request may have waited, too.
    if (this.#users > 0) this.#gate.leave(this.#connection);
    this.#users++;
    return true;
  }

  /** Takes it once more: it is held. */
  hold(): void {
    assert(this.#users > 0, "Whoever fetches has its turn");
    this.#users++;
  }

  give(): void {
    if (--this.#users === 0) this.#gate.leave(this.#connection);
  }

  /** For a second exchange beside the first: one more, if one is free at once. */
  another(): Turn | null {
    const other = new Turn(this.#gate, this.#connection);
    return other.takeNow() ? other : null;
  }
}
