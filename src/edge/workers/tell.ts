import { TOLD } from "../hot/crew.ts";
import type { OriginClient, OriginRequest } from "../hot/origin.ts";
import type { KeeperTold } from "../hot/relay.ts";
import type { Told } from "./keeper-door.ts";

/** What is told waits so long for more. */
const WAIT_MS = 100;
/** More is not told: it costs an object its early place on disk, or a second look at a broken file. */
const WAITING_MAX = 10_000;

/** Tells the keeper in batches. What does not reach it is of no great worth, and not told again. */
export function tellKeeper(o: {
  readonly socket: string;
  readonly client: OriginClient;
}): KeeperTold & { stop(): Promise<void> } {
  let used = new Set<string>();
  let spoilt = new Set<string>();
  let settled: Told["settled"][number][] = [];
  let timer: ReturnType<typeof setTimeout> | null = null;
  const send = async () => {
    timer = null;
    const told: Told = { used: [...used], spoilt: [...spoilt], settled };
    used = new Set();
    spoilt = new Set();
    settled = [];
    const body = new TextEncoder().encode(JSON.stringify(told));
    const request: OriginRequest = {
      ...{ address: o.socket, port: 0, hostname: "", method: "POST", path: "/" },
      ...{ body, bodyBytes: null, headMs: 5_000, silentMs: 5_000, onEnd: () => {} },
      scheme: "http",
      fields: [
        ["host", "keeper"],
        [TOLD, "1"],
      ],
    };
    await o.client.fetch(request).catch(() => {});
  };
  const soon = () => {
    timer ??= setTimeout(() => void send(), WAIT_MS);
  };
  const add = (set: Set<string>, key: string) => {
    if (set.size < WAITING_MAX) set.add(key);
    soon();
  };
  return {
    used: (key) => add(used, key),
    spoilt: (key) => add(spoilt, key),
    settled: (id, said) => {
      if (settled.length < WAITING_MAX) settled.push({ id, ...said });
      soon();
    },
    async stop() {
      if (timer === null) return;
      clearTimeout(timer);
      await send();
    },
  };
}
