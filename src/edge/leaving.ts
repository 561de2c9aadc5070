import type { Connection } from "./hot/serve.ts";
import { UPGRADED } from "./web-sockets.ts";

/** At most, ms: who comes by new connections meanwhile is answered, too, and told to leave. */
const LEAVE_MS = 5_000;
/** Nobody has asked for so long: those that have a connection are not using it. */
const QUIET_MS = 100;
/** Looked at so often meanwhile: a process that stood still has not heard yet what came by then. */
const QUIET_LOOKS = 5;

/**
 * The time between a cache's being told to end and the closing of its doors. A connection of HTTP/1.1 that is
 * closed between two requests costs its client one where that was on its way already; so each answer says
 * `Connection: close` first (RFC 9112 9.6), and only what is quiet is closed. HTTP/2 has GOAWAY for that,
 * which the runtime sends; it drops that field there.
 */
export class Leaving {
  #isOn = false;
  #answered = 0;

  /** Sees each answer before it is handed over. */
  seen(response: Response, { over }: Pick<Connection, "over">): Response {
    this.#answered++;
    if (this.#isOn && over !== "h3" && response !== UPGRADED) {
      response.headers.set("connection", "close");
    }
    return response;
  }

  /** Resolves when clients have left, or after `ms`. */
  async wait(ms: number): Promise<void> {
    this.#isOn = true;
    const endMs = performance.now() + Math.min(LEAVE_MS, ms);
    const lookMs = Math.min(QUIET_MS, ms) / QUIET_LOOKS;
    for (let quiet = 0; quiet < QUIET_LOOKS && performance.now() < endMs; ) {
      const seen = this.#answered;
      await new Promise((resolve) => setTimeout(resolve, lookMs));
      quiet = seen === this.#answered ? quiet + 1 : 0;
    }
  }
}
