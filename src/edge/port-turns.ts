import { openListener, steer } from "./reuse-port.ts";

/** A listener that shares its port. */
export interface SharedListener {
  readonly host: string;
  readonly generation: number;
  /** Null where the system does not tell: new connections cannot be steered. */
  readonly fd: number | null;
}

/** What may be done with the listeners of a port while nobody else opens or closes one there. */
export interface PortTurn {
  /** The generation that new connections go to. */
  readonly latest: number;
  /** Whether listeners of generations before are open still: none may begin. */
  readonly isDraining: boolean;
  /** Opens a listener of the latest generation, or of the one after it: that begins it. */
  open<T>(
    of: Pick<SharedListener, "host" | "generation">,
    open: () => T,
  ): { readonly opened: T; readonly listener: SharedListener; readonly isSteered: boolean };
  /** Keeps new connections away from listeners that are to be closed before the turn is over. */
  leave(listeners: readonly SharedListener[]): void;
}

/** Who opens and closes listeners at a port, by turns. */
export interface PortTurns {
  /** The generation that new connections go to, as far as can be known without a turn. */
  latest(): number;
  /** Null: another process has the turn now. */
  take<T>(act: (turn: PortTurn) => T): { readonly value: T } | null;
  /** As `take`, whoever has the turn. */
  force<T>(act: (turn: PortTurn) => T): T;
  /** Has the kernel hear of it where others ended without a word. */
  look(listeners: readonly SharedListener[]): void;
}

/** The turns of a process that has the port alone: of two listeners at most the second is new. */
export class AloneTurns implements PortTurns {
  #latest = 0;

  latest(): number {
    return this.#latest;
  }

  take<T>(act: (turn: PortTurn) => T): { readonly value: T } {
    return { value: this.force(act) };
  }

  force<T>(act: (turn: PortTurn) => T): T {
    const first = this.#latest === 0;
    return act({
      latest: this.#latest,
      isDraining: false,
      open: ({ host, generation }, open) => {
        const { opened, fd } = openListener(open);
        this.#latest = generation;
        const isSteered = first || (fd !== null && steer(fd, { from: 1, among: 1 }));
        return { opened, listener: { host, generation, fd }, isSteered };
      },
      // The last one is alone, and its filter names nobody. One that could not be opened whole was not begun.
      leave: (listeners) => {
        if (listeners.some(({ generation }) => generation === this.#latest)) this.#latest -= 1;
      },
    });
  }

  look(): void {}
}
