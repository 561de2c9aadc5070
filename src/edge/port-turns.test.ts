import { expect, test } from "bun:test";
import { listenAt } from "./listen.ts";
import { AloneTurns } from "./port-turns.ts";

const HOST = "127.74.1.1";

test("AloneTurns has the kernel give the second listener all new connections, time after time", async () => {
  const open = (port: number, words: string) =>
    listenAt(() => new Response(words), { hostname: HOST, port, beside: true });
  const turns = new AloneTurns();
  const take = (generation: number, at: number, words: string) =>
    turns.force((turn) => turn.open({ host: HOST, generation }, () => open(at, words)));
  let current = take(1, 0, "0").opened;
  const port = current.port ?? 0;
  const answers = async () => {
    const all = Array.from({ length: 30 }, async () => {
      const headers = { connection: "close" };
      return (await fetch(`http://${HOST}:${port}/`, { headers, keepalive: false })).text();
    });
    return [...new Set(await Promise.all(all))];
  };
  expect(await answers()).toEqual(["0"]);
  for (const words of ["1", "2", "3"]) {
    const { opened, isSteered } = take(Number(words) + 1, port, words);
    expect(isSteered).toBe(true);
    expect(await answers()).toEqual([words]);
    await current.stop(true);
    expect(await answers()).toEqual([words]);
    current = opened;
  }
  await current.stop(true);
});
