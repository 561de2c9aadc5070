import {
  AuthProtocols,
  createSession,
  createV3Session,
  isVarbindError,
  PrivProtocols,
  SecurityLevel,
  type Session,
  type Varbind,
  Version2c,
  Version3,
} from "net-snmp";
import type { Clock } from "../../base/clock.ts";
import type { SnmpUser } from "../../model/origin.ts";
import {
  HOST,
  type ReportedLoad,
  type SnmpReading,
  snmpCpu,
  snmpMemory,
  UCD,
  type UcdName,
} from "../../wire/probe/mod.ts";
import { startDeadline } from "./deadline.ts";
import { type CheckOutcome, failed, failureOf } from "./outcome.ts";

export interface SnmpCheckOptions {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  readonly community: string;
  /** Version 3 in place of 2c. */
  readonly v3?: SnmpUser;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly memory: SnmpMemory;
}

/** What the next answer is compared with. Agents count CPU anew every few seconds only. */
export class SnmpMemory {
  reading: SnmpReading | null = null;
  cpu: { readonly load: ReportedLoad; readonly atMs: number } | null = null;
}

const CPU_KEPT_MS = 15_000;
/** Rows of a table at most; a machine with more processors tells enough by the first. */
const ROWS_MAX = 512;

/** Asks an SNMP agent for CPU and memory: UCD-SNMP-MIB, or else HOST-RESOURCES-MIB. */
export async function checkSnmp(options: SnmpCheckOptions): Promise<CheckOutcome> {
  const { timeoutMs, clock, memory } = options;
  const startMs = clock.monoMs();
  const session = openSession(options);
  let end: (error: Error) => void = () => {};
  const deadline = startDeadline(timeoutMs, clock, () => end(new Error("timeout")));
  const late = new Promise<never>((_, reject) => {
    end = reject;
    session.on("error", reject);
    options.signal?.addEventListener("abort", () => reject(new Error("stopped")), { once: true });
  });
  try {
    const reading = await Promise.race([read(session), late]);
    const totalMs = clock.monoMs() - startMs;
    const loads = loadsOf(memory, reading, clock.monoMs());
    const timings = { connectMs: null, firstByteMs: totalMs, totalMs };
    if (loads === null) return failed("no CPU or memory told", timings);
    return { ok: true, failure: "", ...timings, loads };
  } catch (error) {
    return failed(wordOf(error));
  } finally {
    deadline.stop();
    late.catch(() => {});
    close(session);
  }
}

function openSession({ address, port, community, v3, timeoutMs }: SnmpCheckOptions): Session {
  const transport = address.includes(":") ? "udp6" : "udp4";
  // The check's deadline ends it, which knows of our own stalls.
  const how = { port, retries: 0, timeout: 2 * timeoutMs, transport } as const;
  if (v3 === undefined) return createSession(address, community, { ...how, version: Version2c });
  const { user: name, auth, authPassword: authKey, privPassword: privKey } = v3;
  const { authNoPriv, authPriv } = SecurityLevel;
  const known = { name, authProtocol: AuthProtocols[auth], authKey };
  const user =
    privKey === undefined
      ? { ...known, level: authNoPriv }
      : { ...known, level: authPriv, privProtocol: PrivProtocols.aes, privKey };
  return createV3Session(address, user, { ...how, version: Version3 });
}

/** Null when the agent knows nothing that load follows from. */
function loadsOf(memory: SnmpMemory, now: SnmpReading, nowMs: number): ReportedLoad[] | null {
  const cpu = snmpCpu(memory.reading, now);
  if (cpu !== null) memory.cpu = { load: cpu, atMs: nowMs };
  if (cpu !== null || memory.reading === null) memory.reading = now;
  if ((now.ucd.idle ?? 0) < (memory.reading.ucd.idle ?? 0)) memory.reading = now;
  if (memory.cpu !== null && nowMs - memory.cpu.atMs > CPU_KEPT_MS) memory.cpu = null;
  const counts = now.ucd.idle !== undefined;
  const loads = [memory.cpu?.load ?? null, snmpMemory(now)].filter((load) => load !== null);
  return loads.length === 0 && !counts ? null : loads;
}

async function read(session: Session): Promise<SnmpReading> {
  const names = Object.keys(UCD) as UcdName[];
  const varbinds = await get(
    session,
    names.map((name) => UCD[name]),
  );
  const ucd: Partial<Record<UcdName, number>> = {};
  for (const [i, name] of names.entries()) {
    const number = numberOf(varbinds[i]);
    if (number !== null) ucd[name] = number;
  }
  const processors = ucd.idle === undefined ? await column(session, HOST.processorLoad) : [];
  const ram = ucd.memoryTotal === undefined ? await readRam(session) : null;
  const busy = processors.map((row) => row.value).filter((value) => typeof value === "number");
  return { ucd, processors: busy, ram };
}

async function readRam(session: Session): Promise<SnmpReading["ram"]> {
  const types = await column(session, `${HOST.storage}.2`);
  const row = types.find((one) => String(one.value).endsWith(HOST.storageRam));
  if (row === undefined) return null;
  const [size, used] = await get(session, [
    `${HOST.storage}.5.${row.index}`,
    `${HOST.storage}.6.${row.index}`,
  ]);
  const numbers = { size: numberOf(size), used: numberOf(used) };
  if (numbers.size === null || numbers.used === null) return null;
  return { size: numbers.size, used: numbers.used };
}

function get(session: Session, oids: string[]): Promise<readonly Varbind[]> {
  return new Promise((resolve, reject) => {
    session.get(oids, (error, varbinds) => {
      if (error === null) resolve(varbinds ?? []);
      else reject(error);
    });
  });
}

function column(session: Session, oid: string): Promise<{ index: string; value: unknown }[]> {
  const rows: { index: string; value: unknown }[] = [];
  return new Promise((resolve, reject) => {
    session.subtree(
      oid,
      20,
      (varbinds) => {
        for (const one of varbinds) {
          // An agent may answer with what was asked, or with nothing in it.
          if (isVarbindError(one) || !one.oid.startsWith(`${oid}.`)) continue;
          rows.push({ index: one.oid.slice(oid.length + 1), value: one.value });
        }
        return rows.length >= ROWS_MAX;
      },
      (error) => (error === null ? resolve(rows) : reject(error)),
    );
  });
}

function numberOf(varbind: Varbind | undefined): number | null {
  if (varbind === undefined || isVarbindError(varbind)) return null;
  const { value } = varbind;
  const number = typeof value === "number" ? value : Number(String(value));
  return Number.isFinite(number) && number >= 0 ? number : null;
}

/** Never the agent's own text. */
function wordOf(error: unknown): string {
  const { message = "", name = "" } = error instanceof Error ? error : {};
  if (name === "RequestTimedOutError" || message === "timeout") return "timeout";
  if (message === "stopped") return "stopped";
  const word = failureOf(error);
  return word === "broken connection" ? "not snmp" : word;
}

function close(session: Session): void {
  try {
    session.close();
  } catch {
    // Closed by an error of its own.
  }
}
