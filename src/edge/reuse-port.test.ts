import { expect, test } from "bun:test";
import { listenAt } from "./listen.ts";
import { openSteered } from "./reuse-port.ts";

const HOST = "127.74.1.1";

test("openSteered() has the kernel give the second listener all new connections, time after time", async () => {
  const open = (port: number, words: string) =>
    listenAt(() => new Response(words), { hostname: HOST, port, beside: true });
  let current = open(0, "0");
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
    const { opened, steered } = openSteered(() => open(port, words));
    expect(steered).toBe(true);
    expect(await answers()).toEqual([words]);
    await current.stop(true);
    expect(await answers()).toEqual([words]);
    current = opened;
  }
  await current.stop(true);
});
