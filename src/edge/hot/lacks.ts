import { BriefNotes } from "./brief-notes.ts";
import { NOTES_LENGTH_MAX } from "./limits.ts";

const KEPT_MAX = 10_000;
const KEPT_MS = 10_000;

/** What origins said they do not have, briefly: they are asked after those that may have it. */
export class Lacks {
  readonly #notes = new BriefNotes({ ms: KEPT_MS, most: KEPT_MAX, lengthMax: NOTES_LENGTH_MAX });

  has(origin: string, path: string, monoMs: number): boolean {
    return this.#notes.size > 0 && this.#notes.has(`${origin} ${path}`, monoMs);
  }

  note(origin: string, path: string, monoMs: number): void {
    this.#notes.note(`${origin} ${path}`, monoMs);
  }
}
