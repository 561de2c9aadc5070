import { memoryShareLoad, type ReportedLoad } from "./reported-load.ts";

const CPU = "1.3.6.1.4.1.2021.11";
const MEMORY = "1.3.6.1.4.1.2021.4";

/** UCD-SNMP-MIB: CPU ticks by what they went to, memory in kB, and the load average. */
export const UCD = {
  user: `${CPU}.50.0`,
  nice: `${CPU}.51.0`,
  system: `${CPU}.52.0`,
  idle: `${CPU}.53.0`,
  wait: `${CPU}.54.0`,
  kernel: `${CPU}.55.0`,
  interrupt: `${CPU}.56.0`,
  memoryTotal: `${MEMORY}.5.0`,
  memoryFree: `${MEMORY}.6.0`,
  memoryBuffer: `${MEMORY}.14.0`,
  memoryCached: `${MEMORY}.15.0`,
  loadAverage: "1.3.6.1.4.1.2021.10.1.3.1",
} as const;
export type UcdName = keyof typeof UCD;

/** HOST-RESOURCES-MIB (RFC 2790): what agents without UCD know. */
export const HOST = {
  processorLoad: "1.3.6.1.2.1.25.3.3.1.2",
  storage: "1.3.6.1.2.1.25.2.3.1",
  storageRam: "1.3.6.1.2.1.25.2.1.2",
} as const;

export interface SnmpReading {
  /** Values that the agent has, numbers. */
  readonly ucd: Readonly<Partial<Record<UcdName, number>>>;
  /** Percent of the last minute, by processor. */
  readonly processors: readonly number[];
  /** Of the storage that is RAM, in units of its own. */
  readonly ram: { readonly size: number; readonly used: number } | null;
}

/** Ticks counted below this say nothing; agents count anew every few seconds only. */
const TICKS_LEAST = 20;

/**
 * CPU between two readings of the UCD counters, or else the processors' minute. Null where neither
 * is there or nothing was counted since `previous`.
 *
 * @example snmpCpu(null, { ucd: {}, processors: [50], ram: null })?.load // 0.5
 */
export function snmpCpu(previous: SnmpReading | null, now: SnmpReading): ReportedLoad | null {
  const average = now.ucd.loadAverage;
  const more = average === undefined ? "" : `, load average ${average.toFixed(2)}`;
  const told = (load: number, of: string): ReportedLoad => {
    return { kind: "cpu", load, detail: `SNMP: busy ${Math.round(load * 100)} %${of}${more}` };
  };
  if (now.ucd.idle === undefined) {
    const { processors } = now;
    if (processors.length === 0) return null;
    const sum = processors.reduce((total, one) => total + Math.min(100, Math.max(0, one)), 0);
    return told(sum / processors.length / 100, " over a minute");
  }
  if (previous === null) return null;
  let busy = 0;
  // `system` holds `wait` on some agents and not on others: idle and wait are taken as they are.
  for (const name of ["user", "nice", "system", "kernel", "interrupt"] as const) {
    if (name === "system" && now.ucd.kernel !== undefined) continue;
    busy += Math.max(0, (now.ucd[name] ?? 0) - (previous.ucd[name] ?? 0));
  }
  const rest = (name: UcdName) => (now.ucd[name] ?? 0) - (previous.ucd[name] ?? 0);
  const idle = rest("idle") + Math.max(0, rest("wait"));
  if (idle < 0 || busy + idle < TICKS_LEAST) return null;
  return told(busy / (busy + idle), "");
}

/** @example snmpMemory({ ucd: {}, processors: [], ram: { size: 10, used: 9 } })?.load */
export function snmpMemory(now: SnmpReading): ReportedLoad | null {
  const { memoryTotal: total, memoryFree, memoryBuffer, memoryCached } = now.ucd;
  let used: number;
  if (total !== undefined && memoryFree !== undefined && total > 0) {
    used = 1 - (memoryFree + (memoryBuffer ?? 0) + (memoryCached ?? 0)) / total;
  } else if (now.ram !== null && now.ram.size > 0) used = now.ram.used / now.ram.size;
  else return null;
  const share = Math.min(1, Math.max(0, used));
  const detail = `SNMP: used ${Math.round(share * 100)} %`;
  return { kind: "memory", load: memoryShareLoad(share), detail };
}
