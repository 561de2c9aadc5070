import type { Commands } from "./commands.ts";

export interface Keys {
  /** Resolves when somebody asks to end. */
  readonly quit: Promise<void>;
}

/** What a key does: its command, as `commands.ts` reads it, and its words on screen. */
export const KEYS: Readonly<Record<string, readonly [command: string, words: string]>> = {
  1: ["origin/shop/fra/cpu/0.95", "load shop's fra"],
  2: ["origin/shop/fra/kill", "kill shop's fra"],
  3: ["origin/shop/fra/revive", "revive it"],
  4: ["origin/news/hkg/delay/300", "slow news's hkg"],
  5: ["node/fra-1/cpu/0.97", "load the cache fra-1"],
  c: ["calm", "all at rest"],
};

const CTRL_C = "\u0003";

/** Single keys, where standard input is a terminal; null elsewhere. */
export function startKeys(o: {
  readonly commands: Commands;
  readonly say: (line: string) => void;
}): Keys | null {
  const { stdin } = process;
  if (!stdin.isTTY) return null;
  const quit = Promise.withResolvers<void>();
  let asked = 0;
  const press = async (key: string) => {
    if (key === "q" || key === CTRL_C) {
      // The terminal sends no signal while keys are read one by one; twice ends at once.
      if (asked++ > 0) process.exit(130);
      return quit.resolve();
    }
    const bound = KEYS[key];
    if (bound !== undefined) o.say((await o.commands.run(bound[0])) ?? "nothing done");
  };
  const onData = (bytes: Buffer) => {
    for (const key of bytes.toString()) void press(key);
  };
  stdin.setRawMode(true);
  stdin.on("data", onData);
  stdin.resume();
  // Not before the very end: a second Ctrl-C while all is being stopped ends the process at once.
  process.on("exit", () => stdin.setRawMode(false));
  return { quit: quit.promise };
}
