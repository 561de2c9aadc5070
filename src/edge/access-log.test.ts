import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type AccessEntry, accessLine } from "./access-log.ts";

const ENTRY: AccessEntry = {
  ...{ atMs: Date.UTC(2026, 10, 22, 12, 0, 1, 5), node: "edge-1", customer: "shop" },
  ...{ site: "www.shop.example", client: "192.0.2.1", method: "GET", host: "www.shop.example" },
  ...{ path: "/a?b=c", protocol: "https", status: 200, bytes: 12, ms: 1.5 },
  ...{ cacheStatus: "edge-1; hit; ttl=5", agent: "curl/8", referer: null },
};

/** What a terminal, or who reads line by line, would take for more than a letter. */
const commands = (char: string) => {
  const code = char.charCodeAt(0);
  return code < 32 || (code >= 127 && code < 160) || code === 0x2028 || code === 0x2029;
};

describe("accessLine()", () => {
  test("is one JSON object, or a line of Apache's combined form", () => {
    expect(JSON.parse(accessLine(ENTRY, "json"))).toMatchObject({
      ...{ at: "2026-11-22T12:00:01.005Z", site: "www.shop.example", bytes: 12, referer: null },
    });
    expect(accessLine(ENTRY, "combined")).toBe(
      '192.0.2.1 - - [22/Nov/2026:12:00:01 +0000] "GET /a?b=c HTTP/1.1" 200 12 "-" "curl/8"',
    );
    const h3 = accessLine({ ...ENTRY, client: "2001:db8::1", protocol: "h3" }, "combined");
    expect(h3).toStartWith('2001:db8::1 - - [22/Nov/2026:12:00:01 +0000] "GET /a?b=c HTTP/3" 200');
  });

  test("is one line of what can be read safely, whatever the client wrote (H23)", () => {
    const text = fc.string({ unit: "binary", maxLength: 60 });
    fc.assert(
      fc.property(text, text, text, (agent, referer, path) => {
        const entry = { ...ENTRY, agent, referer, path };
        for (const format of ["json", "combined"] as const) {
          expect([...accessLine(entry, format)].filter(commands)).toEqual([]);
        }
        expect(JSON.parse(accessLine(entry, "json")).path).toBe(path);
        const quotes = accessLine(entry, "combined").replace(/\\./g, "").match(/"/g);
        expect(quotes).toHaveLength(6);
      }),
    );
  });

  const NASTY = [
    ["CR LF", 'a\r\n192.0.2.9 - - "GET /forged"'],
    ["an escape sequence", "a\x1b[2J\x1b]0;owned\x07"],
    ["a quote and a brace", 'a"},{"site":"other"'],
    ["a lone surrogate", "a\ud800b"],
    ["a formula", "=cmd|' /C calc'!A0"],
    ["100 KB", "x".repeat(100_000)],
  ] as const;
  for (const [what, agent] of NASTY) {
    test(`holds ${what} in its place (H23)`, () => {
      const json = accessLine({ ...ENTRY, agent, path: agent, referer: agent }, "json");
      expect(json.length).toBeLessThan(8_000);
      expect(JSON.parse(json).site).toBe("www.shop.example");
      expect(accessLine({ ...ENTRY, agent }, "combined").length).toBeLessThan(8_000);
    });
  }
});
