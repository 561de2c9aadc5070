import { expect, test } from "bun:test";
import type { Frame } from "../../bus/mod.ts";
import type { NodeStats } from "../../model/messages.ts";
import { CrewVoice } from "./crew-voice.ts";

function stage() {
  const said: { subject: string; message: unknown }[] = [];
  let nowMs = 0;
  const voice = new CrewVoice({
    node: "fra-1",
    publish: (subject, message) => said.push({ subject, message }),
    monoMs: () => nowMs,
    wallMs: () => 5,
  });
  voice.joined("dns", { isCache: false });
  for (const name of ["keeper", "a", "b"]) voice.joined(name, { isCache: true });
  const event = (name: string, subject: string, message: unknown) =>
    voice.takes(name, { t: "event", subject, message } as Frame);
  const stats = (name: string, hits: number, rssBytes = 10) =>
    event(name, "stats", statsOf(hits, rssBytes));
  const later = (ms: number) => {
    nowMs += ms;
  };
  const hits = () =>
    said
      .filter((one) => one.subject === "stats")
      .map((one) => (one.message as NodeStats).edge["www.shop.example"]?.hits ?? 0);
  /** The same numbers, told by other names. */
  const others = () =>
    said
      .filter((one) => one.subject === "stats")
      .map(({ message }) => message as NodeStats)
      .map(({ whyNot, hedges }) => [
        whyNot?.["www.shop.example"]?.stale ?? 0,
        hedges?.["www.shop.example"]?.asked ?? 0,
      ]);
  return { voice, said, event, stats, later, hits, others };
}

function statsOf(hits: number, rssBytes: number): NodeStats {
  const figures = {
    ...{ cpuBusy: 0.5, cpus: 2, processCpus: 0.25, memoryTotalBytes: 1, memoryAvailableBytes: 1 },
    ...{ rssBytes, connections: null, bytesPerSec: 7, loopDelayMs: 1, hitRatio: 1 },
  };
  return {
    ...{ node: "fra-1", atMs: 1, snapshot: 3, lookups: {}, edgeLookups: {}, answers: {} },
    edge: { "www.shop.example": { requests: hits * 2, hits, bytesOut: hits } },
    fetches: {},
    whyNot: { "www.shop.example": { stale: hits } },
    hedges: { "www.shop.example": { asked: hits, won: 0 } },
    figures,
  };
}

test("what several processes served is said once, added up", () => {
  const { voice, said, stats } = stage();
  stats("a", 3);
  stats("b", 4);
  voice.tick();
  expect(said).toHaveLength(1);
  expect(said[0]?.message).toMatchObject({
    node: "fra-1",
    edge: { "www.shop.example": { requests: 14, hits: 7, bytesOut: 7 } },
    figures: { cpuBusy: 0.5, processCpus: 0.5, rssBytes: 20, bytesPerSec: 14, hitRatio: 0.5 },
  });
});

test("no count is said twice or lost, whoever speaks late, twice or for the last time", () => {
  const { voice, stats, hits, others, later } = stage();
  stats("a", 1);
  voice.tick();
  later(1000);
  stats("a", 2);
  stats("a", 4);
  stats("b", 8);
  voice.tick();
  later(1000);
  voice.tick();
  stats("b", 16);
  voice.left("b");
  voice.tick();
  expect(hits()).toEqual([1, 14, 16]);
  expect(others()).toEqual([1, 14, 16].map((n) => [n, n]));
});

test("who is silent for a moment still counts with what it takes of the machine", () => {
  const { voice, said, stats, later } = stage();
  stats("a", 1, 100);
  stats("b", 1, 200);
  voice.tick();
  later(1000);
  stats("a", 1, 100);
  voice.tick();
  expect((said[1]?.message as NodeStats).figures?.rssBytes).toBe(300);
  later(9000);
  stats("a", 1, 100);
  voice.tick();
  expect((said[2]?.message as NodeStats).figures?.rssBytes).toBe(100);
});

test("a snapshot is the node's once each of its processes has it, and in force once each cache has", () => {
  const { voice, said, event } = stage();
  const ack = (name: string) => event(name, "snapshot.ack", { node: "fra-1", number: 7, atMs: 1 });
  const turn = (name: string) =>
    event(name, "snapshot.turn", { node: "fra-1", role: "edge", number: 7 });
  for (const name of ["keeper", "a"]) expect([ack(name), turn(name)]).toEqual([true, true]);
  expect(said).toEqual([]);
  turn("b");
  expect(said.map((one) => one.subject)).toEqual(["snapshot.turn"]);
  ack("b");
  expect(said).toHaveLength(1);
  voice.left("dns");
  expect(said[1]).toEqual({
    ...{ subject: "snapshot.ack", message: { node: "fra-1", number: 7, atMs: 5 } },
  });
});

test("all else passes: purges are acknowledged by who applies them, turns of name servers are theirs", () => {
  const { event, voice } = stage();
  expect(event("keeper", "purge.ack", { number: 1 })).toBe(false);
  expect(event("dns", "snapshot.turn", { node: "fra-1", role: "dns", number: 1 })).toBe(false);
  expect(voice.takes("nobody", { t: "event", subject: "stats", message: {} })).toBe(false);
});
