import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Ban, banned, foldBans, tagsOf } from "./mod.ts";

const ban = (number: number, scope: Ban["scope"], of: string, soft = false): Ban => ({
  ...{ number, scope, of, soft },
});

describe("tagsOf()", () => {
  test("reads every kind of tag field, whatever the case", () => {
    const fields = [
      ["surrogate-key", "one  Two"],
      ["cache-tag", "three, four"],
      ["edge-cache-tag", "five,six"],
      ["xkey", "seven"],
      ["cache-groups", '"eight", "nine"; x=1'],
      ["x-other", "ten"],
      ["constructor", "eleven"],
    ] as const;
    expect([...tagsOf(fields)]).toEqual("one two three four five six seven eight nine".split(" "));
    expect(tagsOf([["cache-tag", " , "]]).size).toBe(0);
  });

  test("takes no more time than a field is long, blanks and quotes too (H22)", () => {
    const gap = " ".repeat(200_000);
    const quotes = '"'.repeat(100_000);
    const fields = [
      ["cache-tag", `a${gap}b ,\tc`],
      ["edge-cache-tag", `d,,${quotes}x`],
    ] as const;
    expect([...tagsOf(fields)]).toEqual([`a${gap}b`, "c", "d", `${quotes}x`]);
  });
});

describe("banned()", () => {
  const object = { path: "/img/a.png?x=1", fields: [["cache-tag", "logo"]] as const, purge: 5 };

  test("means what was stored before it, by path, prefix, tag or site", () => {
    expect(banned([ban(6, "url", "/img/a.png?x=1")], object)).toBe("hard");
    expect(banned([ban(6, "prefix", "/img/")], object)).toBe("hard");
    expect(banned([ban(6, "tag", "LOGO")], object)).toBe("hard");
    expect(banned([ban(6, "site", "/")], object)).toBe("hard");
    expect(banned([ban(5, "site", "/")], object)).toBeNull();
    for (const other of [ban(6, "url", "/img/a.png"), ban(6, "prefix", "/i/"), ban(6, "tag", "lo")])
      expect(banned([other], object)).toBeNull();
  });

  test("is hard when any of them is", () => {
    const soft = ban(7, "site", "/", true);
    expect(banned([soft], object)).toBe("soft");
    expect(banned([ban(6, "tag", "logo"), soft], object)).toBe("hard");
    expect(banned([ban(6, "tag", "other"), soft], object)).toBe("soft");
  });

  test("an object of no known number is older than every purge", () => {
    expect(banned([ban(1, "site", "/")], { path: "/", fields: [] })).toBe("hard");
  });
});

test("foldBans() never lets through what the bans forbid", () => {
  const scope = fc.constantFrom<Ban["scope"]>("url", "prefix", "tag", "site");
  const one = fc.tuple(scope, fc.constantFrom("/a", "/b", "/"), fc.boolean());
  fc.assert(
    fc.property(fc.array(one, { maxLength: 12 }), fc.nat(12), (all, purge) => {
      const bans = all.map(([s, of, soft], i) => ban(i + 1, s, of, soft));
      const folded = foldBans(bans, 4);
      expect(folded.length).toBeLessThanOrEqual(Math.max(1, Math.min(4, bans.length)));
      const object = { path: "/a", fields: [["xkey", "/b"]] as const, purge };
      const rank = { hard: 2, soft: 1 };
      const weight = (said: "hard" | "soft" | null) => (said === null ? 0 : rank[said]);
      expect(weight(banned(folded, object))).toBeGreaterThanOrEqual(weight(banned(bans, object)));
    }),
  );
});
