// Crowds that all miss at once cost an origin no more than it says it takes (H19).
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { Recorder } from "../lab/recorder.ts";
import { type BankStage, BANK as SITE, startBank } from "./bank-stage.ts";
import { type Stage, until } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const CAP = 64;
const URLS = 100;
const CROWD = 400;

let bank: BankStage;
let origin: Recorder;
let stage: Stage;
const ways = new TwoWays(() => stage);

beforeAll(async () => {
  bank = await startBank({ origin: "127.75.1.1", edge: "127.75.9.3", connectionsMax: CAP });
  ({ origin, stage } = bank);
});
afterAll(async () => {
  ways.close();
  await bank.stop();
});
beforeEach(() => origin.clear());

const reply = (fields: string) =>
  `HTTP/1.1 200 OK\r\n${fields}\r\nETag: "1"\r\nContent-Length: 2\r\n\r\nok`;

/** An origin that answers nobody until it is told to, and then at once. */
function held(fields: (conditional: boolean) => string) {
  const waiting: (() => void)[] = [];
  let most = 0;
  let open = false;
  origin.reply = ({ fields: sent }, socket) => {
    const words = fields(sent.some(([name]) => name === "if-none-match"));
    if (open) return { bytes: words };
    waiting.push(() => socket.write(words));
    most = Math.max(most, waiting.length);
    return null;
  };
  return {
    waiting: () => waiting.length,
    most: () => most,
    /** Lets go who waits, and answers at once from now on. */
    release() {
      open = true;
      for (const go of waiting.splice(0)) go();
    },
  };
}

for (const [via, get] of ways.both) {
  const at = (path: string) => `http://${SITE}/${via.replace(/\D/g, "")}${path}`;
  const crowd = () =>
    Promise.all(Array.from({ length: CROWD }, (_, i) => get(at(`/all-${i % URLS}`))));

  describe(`over ${via}`, () => {
    test("after a purge of everything each object is fetched once, and no more at once than the cap (H19)", async () => {
      origin.reply = () => ({ bytes: reply("Cache-Control: max-age=600") });
      await crowd();
      origin.clear();
      await stage.purge("bank", SITE, "/", { scope: "site" });
      const slow = held(() => reply("Cache-Control: max-age=600"));
      const coming = crowd();
      await until(() => slow.waiting() === CAP);
      // While it answers nobody, nobody else is sent to it.
      await stage.get(`http://${SITE}/.well-known/turnpike/health`);
      expect([slow.most(), origin.requests.length]).toEqual([CAP, CAP]);
      slow.release();
      const said = await coming;
      expect(new Set(said.map((one) => one.status))).toEqual(new Set([200]));
      expect(origin.requests.length).toBe(URLS);
    }, 30_000);

    test("after a soft purge of everything each is validated once, and no more at once than the cap (H19, C9)", async () => {
      origin.reply = () => ({ bytes: reply("Cache-Control: max-age=600") });
      await crowd();
      origin.clear();
      await stage.purge("bank", SITE, "/", { scope: "site", soft: true });
      const slow = held((conditional) =>
        conditional
          ? 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n'
          : reply("Cache-Control: no-store"),
      );
      const coming = crowd();
      await until(() => slow.waiting() === CAP);
      expect(slow.most()).toBe(CAP);
      slow.release();
      const said = await coming;
      expect(new Set(said.map((one) => `${one.status} ${one.text}`))).toEqual(new Set(["200 ok"]));
      expect(origin.requests.length).toBe(URLS);
    }, 30_000);

    test("what is known not to be shared is fetched side by side, as many as the cap lets (H19)", async () => {
      const one = () => get(at("/own"));
      origin.reply = () => ({ bytes: reply("Cache-Control: private") });
      await one();
      const slow = held(() => reply("Cache-Control: private"));
      const coming = Promise.all(Array.from({ length: CAP }, one));
      await until(() => slow.waiting() === CAP);
      slow.release();
      expect(new Set((await coming).map((said) => said.status))).toEqual(new Set([200]));
    }, 30_000);

    for (const [what, fields] of [
      ["no-store", { "cache-control": "no-store" }],
      ["credentials", { authorization: "Basic eDp5" }],
      ["cookies", { cookie: "sid=1" }],
    ] as const) {
      test(`one request with ${what} has nobody else fetch for himself (H19)`, async () => {
        // Heuristically fresh, so that cookies count.
        const then = new Date(stage.clock.wallMs() - 1e9).toUTCString();
        const kept = () => reply(`Last-Modified: ${then}`);
        origin.reply = () => ({ bytes: kept() });
        const own = () => get(at(`/of-${what}`), { fields });
        const one = () => get(at(`/of-${what}`));
        expect((await own()).headers.get("cache-status")).not.toContain("stored");
        const before = origin.requests.length;
        const slow = held(kept);
        const coming = Promise.all(Array.from({ length: 20 }, one));
        await until(() => slow.waiting() > 0);
        slow.release();
        expect(new Set((await coming).map((said) => said.text))).toEqual(new Set(["ok"]));
        expect(origin.requests.length).toBe(before + 1);
        expect((await own()).headers.get("cache-status")).toContain("; hit");
      });

      test(`one request with ${what} ends nothing that is held`, async () => {
        const then = new Date(stage.clock.wallMs() - 1e7).toUTCString();
        const asked: boolean[] = [];
        origin.reply = ({ fields: sent }) => {
          const conditional = sent.some(([name]) => name === "if-none-match");
          asked.push(conditional);
          const words = reply(`Last-Modified: ${then}`);
          return { bytes: conditional ? 'HTTP/1.1 304 Not Modified\r\nETag: "1"\r\n\r\n' : words };
        };
        const url = at(`/held-beside-${what}`);
        await get(url);
        stage.clock.advance(2e6);
        expect((await get(url, { fields })).text).toBe("ok");
        expect((await get(url)).headers.get("cache-status")).toContain("fwd-status=304");
        expect(asked.at(-1)).toBe(true);
        expect((await get(url)).headers.get("cache-status")).toContain("; hit");
      });
    }
  });
}
