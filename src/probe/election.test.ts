import { describe, expect, test } from "bun:test";
import { Election } from "./election.ts";

const members = new Set(["p1", "p2", "p3"]);

function election(self: string, startMs = 0): Election {
  const made = new Election(self, startMs);
  made.setMembers(members);
  return made;
}

describe("Election", () => {
  test("a lone probe judges at once", () => {
    const made = new Election("p1", 0);
    expect(made.isJudge(0)).toBe(false);
    made.setMembers(new Set(["p1"]));
    expect(made.isJudge(0)).toBe(true);
  });

  test("the lowest name heard from judges, after listening for others", () => {
    const p2 = election("p2");
    expect(p2.isJudge(1000)).toBe(false);
    expect(p2.isJudge(1500)).toBe(true);
    const later = election("p2");
    later.heardProbe("p1", 1400);
    expect(later.isJudge(1500)).toBe(false);
    expect(later.isJudge(2400)).toBe(false);
    expect(later.isJudge(2401)).toBe(true);
  });

  test("who judges goes on until a lower one does, so that nobody judges never", () => {
    const p2 = election("p2");
    expect(p2.isJudge(2000)).toBe(true);
    p2.heardProbe("p1", 2500);
    expect(p2.isJudge(2500)).toBe(true);
    p2.heardJudge("p3", 2600);
    expect(p2.isJudge(2600)).toBe(true);
    p2.heardJudge("p1", 5500);
    expect(p2.isJudge(5500)).toBe(false);
    expect(p2.isJudge(6501)).toBe(true);
  });

  test("a dead judge is replaced a second after its last beat, one that stalls takes over again", () => {
    const p1 = election("p1");
    const p2 = election("p2");
    for (let atMs = 0; atMs <= 3000; atMs += 300) {
      p2.heardProbe("p1", atMs);
      if (atMs >= 1500 && p1.isJudge(atMs)) p2.heardJudge("p1", atMs);
      expect(p2.isJudge(atMs)).toBe(false);
    }
    expect(p2.isJudge(4000)).toBe(false);
    expect(p2.isJudge(4001)).toBe(true);
    p1.heardJudge("p2", 4001);
    expect(p1.isJudge(4100)).toBe(true);
    p2.heardJudge("p1", 4100);
    expect(p2.isJudge(4100)).toBe(false);
  });

  test("a probe that comes back listens longer while another judges", () => {
    const p1 = election("p1", 10_000);
    p1.heardJudge("p2", 11_400);
    expect(p1.isJudge(11_500)).toBe(false);
    p1.heardJudge("p2", 12_900);
    expect(p1.isJudge(13_000)).toBe(true);
  });

  test("names that are no probes do not count", () => {
    const p2 = election("p2");
    p2.heardProbe("a-stranger", 1400);
    p2.heardJudge("a-stranger", 1400);
    expect(p2.isJudge(1500)).toBe(true);
    p2.setMembers(new Set(["p1"]));
    expect(p2.isJudge(1600)).toBe(false);
  });
});
