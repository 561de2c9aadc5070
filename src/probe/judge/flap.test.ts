import { describe, expect, test } from "bun:test";
import { Court, origins, snapshotOf } from "./judge.fixture.ts";

const SITE = { hostname: "www.shop.example", origins: origins(2) };
const ID = "www.shop.example/o0";

/** The seconds at which the state changed, while the server passes as `passes` says. */
function changes(court: Court, seconds: number, passes: (second: number) => boolean): number[] {
  const at: number[] = [];
  let before = court.see(ID).state;
  for (let second = 0; second < seconds; second++) {
    const { state } = court.second([{ target: ID, ok: passes(second) }]).targets[ID]!;
    if (state !== before) at.push(second);
    before = state;
  }
  return at;
}

describe("a server that comes and goes", () => {
  test("every 3 s goes down at once, and changes at most once a minute over ten minutes", () => {
    const court = new Court(snapshotOf([SITE]));
    court.seconds(60, [{ target: ID }]);
    const at = changes(court, 600, (second) => second % 6 >= 3);
    expect(at[0]).toBeLessThanOrEqual(1);
    expect(at.length).toBeLessThanOrEqual(3);
    expect(court.see(ID).state).toBe("down");
  });

  test("is up again once it has stayed for 20 s, and says why it is kept out until then", () => {
    const court = new Court(snapshotOf([SITE]));
    court.seconds(60, [{ target: ID }]);
    changes(court, 9, (second) => second % 6 >= 3);
    expect(court.see(ID).state).toBe("down");
    const at = changes(court, 60, () => true);
    expect(at).toEqual([22]);
    changes(court, 3, () => false);
    changes(court, 6, () => true);
    const { state, warnings } = court.see(ID);
    expect(state).toBe("down");
    expect(warnings?.join()).toContain("must pass for 20 s");
  });

  test("that fails now and then, with long good times between, comes back as fast as ever", () => {
    const court = new Court(snapshotOf([SITE]));
    court.seconds(60, [{ target: ID }]);
    for (let round = 0; round < 3; round++) {
      expect(changes(court, 60, (second) => second >= 5)).toEqual([1, 7]);
    }
  });
});
