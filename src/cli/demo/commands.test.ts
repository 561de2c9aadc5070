import { expect, test } from "bun:test";
import { realClock } from "../../base/real/clock.ts";
import { startCommands } from "./commands.ts";
import { portsFrom } from "./layout.ts";
import { startWorld, type World } from "./world.ts";

// A port base that nothing else of this project uses.
const PORTS = portsFrom(19_300);

async function withWorld(
  run: (world: World, url: string, held: Set<string>) => Promise<void>,
): Promise<void> {
  const world = await startWorld({ clock: realClock, ports: PORTS });
  const held = new Set<string>();
  const commands = startCommands({ world, ports: PORTS, held });
  try {
    await run(world, commands.url, held);
  } finally {
    await commands.stop();
    await world.stop();
  }
}

test("Commands set loads, delays and life of servers, and calm takes all of it back", async () => {
  await withWorld(async (world, url, held) => {
    const post = async (path: string) => (await fetch(`${url}/${path}`, { method: "POST" })).status;
    const fra = world.origins.get("shop/fra")!;
    expect(await post("origin/shop/fra/cpu/0.9")).toBe(200);
    expect(await post("origin/shop/fra/ftp/400")).toBe(200);
    expect(await post("origin/news/ams/delay/300")).toBe(200);
    expect(await post("node/fra-1/memory/0.97")).toBe(200);
    expect(fra.reporter?.machine.load.cpu).toBe(0.9);
    expect(fra.reporter?.ftpDelayMs).toBe(400);
    expect(world.origins.get("news/ams")?.web.delayMs).toBe(300);
    expect(world.nodes.get("fra-1")?.machine.load.memory).toBe(0.97);
    expect(await post("origin/shop/fra/kill")).toBe(200);
    expect(fetch(`http://${fra.address}:${PORTS.http}/health`)).rejects.toThrow();
    expect([...held]).toEqual(["shop/fra", "news/ams"]);
    expect(await post("calm")).toBe(200);
    expect((await fetch(`http://${fra.address}:${PORTS.http}/health`)).status).toBe(200);
    expect([held.size, fra.reporter?.ftpDelayMs]).toEqual([0, 0]);
  });
});

test("What is no command is refused, and so is a page of a browser", async () => {
  await withWorld(async (world, url) => {
    const post = (path: string, headers = {}) =>
      fetch(`${url}/${path}`, { method: "POST", headers });
    for (const wrong of [
      "origin/shop/none/cpu/0.5",
      "origin/shop/fra/cpu/7",
      "node/fra-1/kill",
      "x",
    ])
      expect((await post(wrong)).status).toBe(404);
    expect((await post("calm", { origin: "http://elsewhere.example" })).status).toBe(405);
    const state = (await (await fetch(url)).json()) as { origins: Record<string, unknown> };
    expect(Object.keys(state.origins)).toEqual([...world.origins.keys()]);
  });
});
