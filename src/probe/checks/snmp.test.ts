import { describe, expect, test } from "bun:test";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { timed } from "../../../test/lab/stall.ts";
import { realClock } from "../../base/real/clock.ts";
import { type SnmpReading, snmpCpu, snmpMemory } from "../../wire/probe/mod.ts";
import { checkSnmp, SnmpMemory } from "./snmp.ts";

const NOTHING: SnmpReading = { ucd: {}, processors: [], ram: null };

describe("snmpCpu() and snmpMemory()", () => {
  test("follow UCD counters between two readings", () => {
    const before = { ...NOTHING, ucd: { user: 1000, system: 100, idle: 5000, wait: 10 } };
    const now = { ...NOTHING, ucd: { user: 1060, system: 120, idle: 5020, wait: 10 } };
    expect(snmpCpu(before, now)?.load).toBeCloseTo(0.8);
    expect(snmpCpu(null, now)).toBeNull();
    expect(snmpCpu(now, now)).toBeNull();
    expect(snmpCpu(now, before)).toBeNull();
  });

  test("take HOST-RESOURCES where there is no UCD", () => {
    const now = { ...NOTHING, processors: [20, 60, 900], ram: { size: 100, used: 95 } };
    expect(snmpCpu(null, now)?.load).toBeCloseTo(0.6);
    expect(snmpMemory(now)?.load).toBeCloseTo(0.75);
    expect(snmpMemory(NOTHING)).toBeNull();
  });

  test("count buffers and caches as free memory", () => {
    const ucd = { memoryTotal: 1000, memoryFree: 50, memoryBuffer: 20, memoryCached: 30 };
    expect(snmpMemory({ ...NOTHING, ucd })?.load).toBeCloseTo(0.5);
  });
});

describe("checkSnmp()", () => {
  async function ask(behave: (socket: Socket, bytes: Uint8Array, from: RemoteInfo) => void) {
    const agent = createSocket("udp4");
    agent.on("message", (bytes, from) => behave(agent, bytes, from));
    await new Promise<void>((resolve) => agent.bind(0, "127.0.0.1", resolve));
    try {
      const { port } = agent.address();
      const memory = new SnmpMemory();
      const options = { address: "127.0.0.1", port, community: "public", timeoutMs: 300 };
      const check = () => checkSnmp({ ...options, clock: realClock, memory });
      const { value: outcome, ownMs } = await timed(check);
      expect(ownMs).toBeLessThan(1000);
      return outcome;
    } finally {
      await new Promise<void>((resolve) => agent.close(resolve));
    }
  }

  test("is over in time when the agent is silent, and never says its words", async () => {
    expect((await ask(() => {})).failure).toBe("timeout");
    const outcome = await ask((socket, _, from) => socket.send("secret", from.port, from.address));
    expect(outcome.ok).toBe(false);
    expect(JSON.stringify(outcome)).not.toContain("secret");
    const echo = await ask((socket, bytes, from) => socket.send(bytes, from.port, from.address));
    expect(echo.ok).toBe(false);
  });

  test("says refused where nobody listens", async () => {
    const memory = new SnmpMemory();
    const options = { address: "127.0.0.1", port: 1, community: "public", timeoutMs: 300 };
    const { failure } = await checkSnmp({ ...options, clock: realClock, memory });
    expect(["refused", "timeout"]).toContain(failure);
  });
});
