import { describe, expect, test } from "bun:test";
import { decode } from "dns-packet";
import fc from "fast-check";
import { encodeLatencyQuery, isLatencyReply, LATENCY_QUERY_BYTES } from "./latency-query.ts";

describe("encodeLatencyQuery()", () => {
  test("is a query for the root's name servers in 17 bytes, as dns-packet reads it", () => {
    const bytes = encodeLatencyQuery(0xbeef);
    expect(bytes.length).toBe(LATENCY_QUERY_BYTES);
    const packet = decode(Buffer.from(bytes));
    expect(packet.id).toBe(0xbeef);
    expect(packet.type).toBe("query");
    expect(packet.questions).toEqual([{ name: ".", type: "NS", class: "IN" }]);
  });
});

describe("isLatencyReply()", () => {
  test("takes any response with the id, and never the query itself or a stranger's", () => {
    const reply = encodeLatencyQuery(7);
    expect(isLatencyReply(reply, 7)).toBe(false);
    reply[2] = 0x80;
    reply[3] = 5;
    expect(isLatencyReply(reply, 7)).toBe(true);
    expect(isLatencyReply(reply, 8)).toBe(false);
  });

  test("never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(typeof isLatencyReply(bytes, 1)).toBe("boolean");
      }),
      { numRuns: 500 },
    );
  });
});
