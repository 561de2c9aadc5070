import { expect, test } from "bun:test";
import { FakeClock } from "../../src/base/clock.ts";
import { type Log, silentLog } from "../../src/base/log.ts";
import { SHOP_PAIR } from "../../src/control/certificate.fixture.ts";
import { IDLE_SEC } from "../../src/edge/hot/limits.ts";
import { Http3Door } from "../../src/edge/http3-door.ts";
import { listenAt } from "../../src/edge/listen.ts";
import type { NamedTls } from "../../src/edge/named-tls.ts";
import { AloneTurns, type PortTurn, type PortTurns } from "../../src/edge/port-turns.ts";
import { TlsDoor, type TlsDoorOptions } from "../../src/edge/tls-door.ts";
import { until } from "../lab/process.ts";

const HOST = "127.74.1.2";
const OTHER = "127.74.1.3";
/** As long as connections that are left may go on. */
const DRAIN_MS = (IDLE_SEC + 2) * 1000;
const named = (id: string, more: Partial<NamedTls> = {}): NamedTls => {
  return { id, serverName: "www.shop.example", ...SHOP_PAIR, ...more };
};

/** A door that shows `shown`, and what it logs. */
async function openDoor(
  shown: NamedTls[],
  { clock = new FakeClock(), ...more }: { clock?: FakeClock } & Partial<TlsDoorOptions> = {},
) {
  const said: string[] = [];
  const say = (words: string) => said.push(words);
  const log: Log = { ...silentLog, info: say, error: say };
  const door = await TlsDoor.start(() => new Response("ok"), {
    ...{ hosts: [HOST], port: 0, own: SHOP_PAIR, named: () => shown, clock, log, ...more },
  });
  return { door, said };
}

/** Has the port alone; tells which listeners are opened and left, and has its say before either. */
class ToldTurns implements PortTurns {
  readonly opened: string[] = [];
  readonly left: string[] = [];
  readonly #alone = new AloneTurns();
  readonly #before: { opening?: (what: string) => void; leaving?: () => void };

  constructor(before: { opening?: (what: string) => void; leaving?: () => void }) {
    this.#before = before;
  }

  latest(): number {
    return this.#alone.latest();
  }

  take<T>(act: (turn: PortTurn) => T): { readonly value: T } {
    return { value: this.force(act) };
  }

  force<T>(act: (turn: PortTurn) => T): T {
    return this.#alone.force((turn) =>
      act({
        ...turn,
        open: (of, open) => {
          const what = `${of.host} ${of.generation}`;
          this.#before.opening?.(what);
          const opened = turn.open(of, open);
          this.opened.push(what);
          return opened;
        },
        leave: (listeners) => {
          this.#before.leaving?.();
          for (const { host, generation } of listeners) this.left.push(`${host} ${generation}`);
          turn.leave(listeners);
        },
      }),
    );
  }

  look(): void {}
}

async function answer(door: TlsDoor, host = HOST): Promise<string> {
  const answered = await fetch(`https://${host}:${door.port}/`, {
    ...{ headers: { connection: "close" }, keepalive: false, tls: { rejectUnauthorized: false } },
  });
  return answered.text();
}

/** Whether nothing listens there any more. */
async function isFree(hostname: string, port: number): Promise<boolean> {
  const alone = listenAt(() => new Response(""), { hostname, port });
  await alone.stop(true);
  return true;
}

test("a door that is stopped while a listener drains leaves none behind", async () => {
  const shown = [named("1")];
  const { door, said } = await openDoor(shown);
  shown[0] = named("2");
  door.changed();
  expect(said).toEqual(["Showing other certificates"]);
  await door.stop();
  expect(await isFree(HOST, door.port)).toBe(true);
});

test("a door opens anew when what is shown changes or has been shown for half a day, and else does not", async () => {
  const clock = new FakeClock();
  const shown = [named("1")];
  const { door, said } = await openDoor(shown, { clock });
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
  expect(await answer(door)).toBe("ok");
  await door.stop();
});

test("a certificate that cannot be shown costs the others nothing over HTTP/3 either", async () => {
  const free = await Bun.udpSocket({ hostname: OTHER, port: 0 });
  const { port } = free;
  free.close();
  const said: string[] = [];
  const log: Log = { ...silentLog, error: (words) => said.push(words) };
  const shown = [named("1", { serverName: "bad.shop.example", key: "no key" }), named("2")];
  const door = new Http3Door(() => new Response("ok"), {
    ...{ hosts: [OTHER], port, own: SHOP_PAIR, named: () => shown, clock: new FakeClock(), log },
  });
  expect(said).toEqual(["Certificates that cannot be shown are left out"]);
  const { state } = door;
  expect(state === "clear" ? state : [...(state?.names ?? [])]).toEqual(["www.shop.example"]);
  await door.stop();
});

test("certificates that come while a door drains and rests are shown by one opening, however many they are", async () => {
  const clock = new FakeClock();
  const shown = [named("0")];
  let id = 0;
  const uploads = (door: TlsDoor) => {
    for (let i = 0; i < 40; i++) {
      shown[0] = named(String(++id));
      door.changed();
    }
  };
  let saidAtRest = 0;
  const turns = new ToldTurns({
    // So long that the rest goes on for 0.3 s after the drain.
    opening: () => clock.advance((DRAIN_MS + 300) / 50),
    // At once after it: before any timer of the rest.
    leaving: () =>
      queueMicrotask(() => {
        if (turns.left.length > 1) return;
        uploads(door);
        saidAtRest = said.length;
      }),
  });
  const { door, said } = await openDoor(shown, { clock, turns, drainMs: 20 });
  uploads(door);
  expect(said).toHaveLength(1);
  await until(() => said.length > 1, {
    what: "the next opening",
    withinMs: 20_000,
  });
  expect([said.length, saidAtRest, id]).toEqual([2, 1, 80]);
  expect(turns.opened).toEqual([1, 2, 3].map((generation) => `${HOST} ${generation}`));
  expect(door.shown.digest).toBe("www.shop.example 80");
  await door.stop();
});

test("of two addresses the second is opened after the loop had its turn, and both are answered throughout", async () => {
  const shown = [named("1")];
  const turns = new ToldTurns({});
  const { door, said } = await openDoor(shown, { hosts: [HOST, OTHER], turns });
  expect(turns.opened).toEqual([`${HOST} 1`, `${OTHER} 1`]);
  shown[0] = named("2");
  door.changed();
  expect(turns.opened.slice(2)).toEqual([`${HOST} 2`]);
  // What comes meanwhile is for the next one.
  shown[0] = named("3");
  door.changed();
  expect(await Promise.all([answer(door), answer(door, OTHER)])).toEqual(["ok", "ok"]);
  await until(() => said.length > 0, { what: "the swap", withinMs: 20_000 });
  expect(said).toEqual(["Showing other certificates"]);
  expect(turns.opened.slice(2)).toEqual([`${HOST} 2`, `${OTHER} 2`]);
  expect(door.shown.digest).toBe("www.shop.example 2");
  expect(await Promise.all([answer(door), answer(door, OTHER)])).toEqual(["ok", "ok"]);
  await door.stop();
});

test("a door that is stopped between two addresses leaves no listener behind", async () => {
  const shown = [named("1")];
  const { door } = await openDoor(shown, { hosts: [HOST, OTHER] });
  shown[0] = named("2");
  door.changed();
  await door.stop();
  expect(await isFree(HOST, door.port)).toBe(true);
  expect(await isFree(OTHER, door.port)).toBe(true);
});

test("a change that cannot be opened at the second address is taken back at the first", async () => {
  const shown = [named("1")];
  const turns = new ToldTurns({
    opening: (what) => {
      if (what === `${OTHER} 2`) throw new Error("The address is gone");
    },
  });
  const { door, said } = await openDoor(shown, { hosts: [HOST, OTHER], turns });
  shown[0] = named("2");
  door.changed();
  await until(() => said.length > 0, { what: "the failure", withinMs: 20_000 });
  expect(said).toEqual(["Cannot listen with other certificates; those before are shown"]);
  expect([turns.left, turns.latest(), door.shown.digest]).toEqual([
    ...[[`${HOST} 2`], 1, "www.shop.example 1"],
  ]);
  for (let i = 0; i < 5; i++) {
    expect(await Promise.all([answer(door), answer(door, OTHER)])).toEqual(["ok", "ok"]);
  }
  await door.stop();
  expect(await isFree(HOST, door.port)).toBe(true);
});
