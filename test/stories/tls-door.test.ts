import { expect, test } from "bun:test";
import { FakeClock } from "../../src/base/clock.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import { SHOP_PAIR } from "../../src/control/certificate.fixture.ts";
import { listenAt } from "../../src/edge/listen.ts";
import { type NamedTls, TlsDoor } from "../../src/edge/tls-door.ts";

const HOST = "127.74.1.2";
const named = (id: string, more: Partial<NamedTls> = {}): NamedTls => {
  return { id, serverName: "www.shop.example", ...SHOP_PAIR, ...more };
};

/** A door that shows `shown`, and what it logs. */
async function openDoor(shown: NamedTls[], clock = new FakeClock()) {
  const said: string[] = [];
  const say = (words: string) => said.push(words);
  const log: Log = { ...silentLog, info: say, error: say };
  const door = await TlsDoor.start(() => new Response("ok"), {
    ...{ hosts: [HOST], port: 0, own: SHOP_PAIR, named: () => shown, clock, log },
  });
  return { door, said };
}

test("a door that is stopped while a listener drains leaves none behind", async () => {
  const shown = [named("1")];
  const { door, said } = await openDoor(shown);
  shown[0] = named("2");
  door.changed();
  expect(said).toEqual(["Showing other certificates"]);
  await door.stop();
  const alone = listenAt(() => new Response(""), { hostname: HOST, port: door.port });
  await alone.stop(true);
});

test("a door opens anew when what is shown changes or has been shown for half a day, and else does not", async () => {
  const clock = new FakeClock();
  const shown = [named("1")];
  const { door, said } = await openDoor(shown, clock);
  door.changed();
  clock.advance(11 * 3_600_000);
  door.changed();
  expect(said).toEqual([]);
  clock.advance(3_600_000);
  door.changed();
  expect(said).toEqual(["Showing other certificates"]);
  await door.stop();
});

test("a certificate that cannot be shown costs the others nothing", async () => {
  const shown = [named("1")];
  const { door, said } = await openDoor(shown);
  shown.push(named("2", { serverName: "bad.shop.example", cert: "no certificate" }));
  door.changed();
  expect(said).toEqual([
    ...["Certificates that cannot be shown are left out", "Showing other certificates"],
  ]);
  const answer = await fetch(`https://${HOST}:${door.port}/`, {
    ...{ headers: { connection: "close" }, keepalive: false, tls: { rejectUnauthorized: false } },
  });
  expect(await answer.text()).toBe("ok");
  await door.stop();
});
