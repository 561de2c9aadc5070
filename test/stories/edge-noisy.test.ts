// A customer that asks for fifty times its share takes nothing from another (T10).
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { CACHED_REPLY, OK_REPLY, type Recorder, startRecorder } from "../lab/recorder.ts";
import { Stage, type StageSite, snapshotOf, until } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const QUIET = "www.quiet.example";
const LOUD = Array.from({ length: 20 }, (_, i) => `n${i}.loud.example`);
const EXCHANGES = 200;
const ASKED = 400;

let quiet: Recorder;
let loud: Recorder;
let stage: Stage;
/** Each customer's users have connections of their own; of one alone the cache would bear less. */
const quietWays = new TwoWays(() => stage);
const loudWays = Array.from({ length: 5 }, () => new TwoWays(() => stage));

beforeAll(async () => {
  quiet = await startRecorder("127.75.2.1");
  loud = await startRecorder("127.75.2.2");
  const siteOf = (hostname: string, customer: string, { address, port }: Recorder): StageSite => ({
    ...{ hostname, customer, port, front: "caches" },
    origins: [{ name: "o1", v4: address, port }],
  });
  const sites = LOUD.map((name) => siteOf(name, "loud", loud));
  stage = new Stage(snapshotOf([siteOf(QUIET, "quiet", quiet), ...sites]), "127.75.9.4");
  const tls = selfSigned([QUIET, ...LOUD], new Date());
  await stage.start({ tls, exchangesMax: EXCHANGES });
});
afterAll(async () => {
  for (const way of [quietWays, ...loudWays]) way.close();
  await stage.stop();
  await Promise.all([quiet.stop(), loud.stop()]);
});
beforeEach(() => {
  quiet.clear();
  loud.clear();
});

for (const [i, [via, get]] of quietWays.both.entries()) {
  const shout = (n: number, url: string) => loudWays[n % loudWays.length]!.both[i]![1](url);
  const path = (name: string) => `/${via.replace(/\D/g, "")}/${name}`;

  describe(`over ${via}`, () => {
    test("servers that hang, of twenty sites, hold up half of what the node has, and nobody else (T10)", async () => {
      const held: (() => void)[] = [];
      loud.reply = (_, socket) => {
        held.push(() => socket.write(OK_REPLY.bytes));
        return null;
      };
      let answered = 0;
      const refused = { crowded: 0, other: 0 };
      const all = Array.from({ length: ASKED }, async (_, n) => {
        const said = await shout(n, `http://${LOUD[n % LOUD.length]}${path(`hang-${n}`)}`);
        answered++;
        if (said.status === 200) return;
        const why = said.headers.get("proxy-status") ?? "";
        if (said.status === 503 && why.includes("customer-share")) refused.crowded++;
        else refused.other++;
      });
      await until(() => held.length === EXCHANGES / 2 && answered === ASKED - EXCHANGES / 2);
      expect(refused).toEqual({ crowded: ASKED - EXCHANGES / 2, other: 0 });
      quiet.reply = () => CACHED_REPLY;
      // As many misses at once as it may have of what is left, and hits of them after.
      const names = Array.from({ length: EXCHANGES / 4 }, (_, n) => path(`calm-${n}`));
      for (let round = 0; round < 4; round++) {
        const said = await Promise.all(names.map((name) => get(`http://${QUIET}${name}`)));
        expect(new Set(said.map((one) => one.status))).toEqual(new Set([200]));
      }
      expect(quiet.requests.length).toBe(names.length);
      expect([held.length, loud.requests.length]).toEqual([EXCHANGES / 2, EXCHANGES / 2]);
      for (const one of held) one();
      await Promise.all(all);
    }, 30_000);

    test("fifty users who never pause are answered in turn with one of another customer (T10)", async () => {
      loud.reply = () => CACHED_REPLY;
      quiet.reply = () => CACHED_REPLY;
      const USERS = 50;
      let answers = 0;
      let over = false;
      const noise = Array.from({ length: USERS }, async (_, n) => {
        const url = `http://${LOUD[n % LOUD.length]}${path("busy")}`;
        while (!over) {
          expect((await shout(n, url)).status).toBe(200);
          answers++;
        }
      });
      await until(() => answers > 10 * USERS);
      const between: number[] = [];
      for (let n = 0; n < 100; n++) {
        const before = answers;
        expect((await get(`http://${QUIET}${path("one")}`)).status).toBe(200);
        between.push(answers - before);
      }
      over = true;
      await Promise.all(noise);
      between.sort((a, b) => a - b);
      // A round of all the others is what it waits for; time would say how fast this machine is.
      expect(between[50]).toBeLessThanOrEqual(1.5 * USERS);
      expect(between[98]).toBeLessThanOrEqual(3 * USERS);
    }, 60_000);
  });
}
