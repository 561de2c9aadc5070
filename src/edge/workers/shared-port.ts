import { closeSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openLibc } from "../libc.ts";
import type { PortTurn, PortTurns, SharedListener } from "../port-turns.ts";
import { openListener, steer } from "../reuse-port.ts";

/** One listener of one process. */
interface Entry {
  readonly host: string;
  readonly generation: number;
  readonly pid: number;
  /** When that process began, in ticks since the machine did: the same id can be given twice. */
  readonly since: string;
}

interface Board {
  latest: number;
  /** Host -> M, while connections are steered there. */
  from: Record<string, number>;
  entries: Entry[];
}

const LOCK_EX_NB = 2 | 4;
const LOCK_UN = 8;

/**
 * The turns of several processes that listen at one port. Of each address, M listeners of generations
 * before stand at the places 0 to M - 1, and those of the latest, which were opened later, at M and
 * after. That stays so whichever is closed, in whatever order: into a place before M moves the last,
 * which is a new one, and places from M on have new ones only. So new connections go to
 *
 *   M + random mod (T - M)          of T listeners; told anew with each that opens
 *   M + random mod (T - 1 - M)      before one of those before closes
 *   any                             when none of those before is left
 *
 * (Into those before M it may move one that opened; that one then gets no new connections until there
 * are none before.) Only the count has to be right, and it is taken from what lives: whoever is killed is not counted at
 * the next turn or look. Until then a draw may name nobody, which the kernel takes for "any".
 *
 * The board is a file beside a lock that the kernel gives back for whoever was killed.
 */
export class SharedPort implements PortTurns {
  readonly #path: string;
  readonly #lock: number;
  readonly #flock: (fd: number, operation: number) => number;
  readonly #since = startOf(process.pid) ?? "";
  #stopped = false;

  /** @param name of what listens there: one board each */
  constructor(folder: string, name: string) {
    this.#path = join(folder, `${name}.json`);
    this.#lock = openSync(join(folder, `${name}.lock`), "a", 0o600);
    this.#flock = openFlock();
  }

  latest(): number {
    return this.#read().latest;
  }

  take<T>(act: (turn: PortTurn) => T): { readonly value: T } | null {
    return this.#locked(() => this.force(act));
  }

  force<T>(act: (turn: PortTurn) => T): T {
    return this.#onBoard((board) =>
      act({
        latest: board.latest,
        isDraining: board.entries.some(({ generation }) => generation < board.latest),
        open: (of, open) => this.#open(board, of, open),
        leave: (listeners) => {
          for (const listener of listeners) this.#leave(board, listener);
        },
      }),
    );
  }

  look(listeners: readonly SharedListener[]): void {
    if (Object.keys(this.#read().from).length === 0) return;
    this.#locked(() =>
      this.#onBoard((board) => {
        for (const { host, fd } of listeners) tell(board, host, { fd });
      }),
    );
  }

  stop(): void {
    // A second time it would close whatever file has the number by then.
    if (!this.#stopped) closeSync(this.#lock);
    this.#stopped = true;
  }

  #locked<T>(act: () => T): { readonly value: T } | null {
    if (this.#flock(this.#lock, LOCK_EX_NB) !== 0) return null;
    try {
      return { value: act() };
    } finally {
      this.#flock(this.#lock, LOCK_UN);
    }
  }

  #onBoard<T>(act: (board: Board) => T): T {
    const board = this.#read();
    board.entries = board.entries.filter(({ pid, since }) => startOf(pid) === since);
    try {
      return act(board);
    } finally {
      const next = `${this.#path}.${process.pid}`;
      writeFileSync(next, JSON.stringify(board), { mode: 0o600 });
      renameSync(next, this.#path);
    }
  }

  #open<T>(
    board: Board,
    { host, generation }: Pick<SharedListener, "host" | "generation">,
    open: () => T,
  ) {
    const { opened, fd } = openListener(open);
    const there = board.entries.filter((entry) => entry.host === host);
    // Whoever began it may have been killed since.
    if (!there.some((entry) => entry.generation === generation)) board.from[host] = there.length;
    board.latest = generation;
    board.entries.push({ host, generation, pid: process.pid, since: this.#since });
    const isSteered = tell(board, host, { fd });
    return { opened, listener: { host, generation, fd }, isSteered };
  }

  #leave(board: Board, { host, generation, fd }: SharedListener): void {
    const { entries } = board;
    const mine = entries.findIndex(
      (one) => one.host === host && one.generation === generation && one.pid === process.pid,
    );
    if (mine >= 0) entries.splice(mine, 1);
    // One that could not be opened whole was not begun.
    if (entries.length > 0) board.latest = Math.max(...entries.map((one) => one.generation));
    // Of those before it may be the last, and is open still.
    tell(board, host, { fd, isClosing: true });
  }

  #read(): Board {
    try {
      return JSON.parse(readFileSync(this.#path, "utf8")) as Board;
    } catch {
      return { latest: 0, from: {}, entries: [] };
    }
  }
}

/** Tells the kernel what the board says of a host. */
function tell(
  board: Board,
  host: string,
  { fd, isClosing = false }: { readonly fd: number | null; readonly isClosing?: boolean },
): boolean {
  const there = board.entries.filter((entry) => entry.host === host);
  const from = board.from[host];
  const isOver = !isClosing && there.every(({ generation }) => generation === board.latest);
  if (from === undefined || isOver) {
    delete board.from[host];
    return fd !== null && steer(fd, { from: 0, among: 0 });
  }
  return fd !== null && steer(fd, { from, among: Math.max(1, there.length - from) });
}

/** When a process began; null where it is no more. */
function startOf(pid: number): string | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name before may have any characters, and ends with the last bracket (proc(5)).
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? null : (fields[19] ?? "");
  } catch {
    return null;
  }
}

/** Where there is none everybody has the turn at once: connections are not steered there either. */
function openFlock(): (fd: number, operation: number) => number {
  const libc = openLibc({ flock: { args: ["i32", "i32"], returns: "i32" } } as const);
  return libc === null ? () => 0 : libc.flock;
}
