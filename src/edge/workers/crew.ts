import { join } from "node:path";
import { BorrowedFiles, realFiles } from "../cache/mod.ts";
import type { OriginClient } from "../hot/origin.ts";
import { Keeper } from "../hot/relay.ts";
import type { PortTurns } from "../port-turns.ts";
import { SharedPort } from "./shared-port.ts";
import { tellKeeper } from "./tell.ts";
import { SharedWords } from "./words.ts";

/** Which of a node's caching processes this is. */
export interface CrewOptions {
  readonly part: "keeper" | "worker";
  /** 0 of the keeper; each worker has another. */
  readonly number: number;
  /** Folder of this user alone, in memory where there is one; `makeCrewFolder` made it. */
  readonly folder: string;
  /** Of a clock that they share; the machine's since it started, where it is left out. */
  readonly nowMs?: () => number;
}

/** What they have in common. */
export interface Crew {
  readonly words: SharedWords;
  /** Path of the keeper's socket. */
  readonly socket: string;
  /** Workers open and close their listeners for HTTPS by turns. */
  readonly httpsTurns: PortTurns;
  /** Of a worker. */
  readonly keeper?: Keeper;
  stop(): Promise<void>;
}

/** The name of the file of words in the folder. */
export const WORDS_FILE = "words";

export function joinCrew(o: CrewOptions, client: OriginClient): Crew {
  const words = new SharedWords(join(o.folder, WORDS_FILE), o.nowMs);
  const socket = join(o.folder, "keeper");
  const httpsTurns = new SharedPort(o.folder, "https");
  if (o.part === "keeper")
    return { words, socket, httpsTurns, stop: async () => httpsTurns.stop() };
  const tell = tellKeeper({ socket, client });
  const keeper = new Keeper({
    ...{ socket, client, words, tell },
    files: new BorrowedFiles(realFiles),
    wait: (ms) => new Promise((done) => setTimeout(done, ms)),
  });
  const stop = async () => {
    await tell.stop();
    keeper.stop();
    httpsTurns.stop();
  };
  return { words, socket, httpsTurns, keeper, stop };
}
