import { Fault } from "../base/fault.ts";
import { FAULT_CODES, type FaultCode } from "../base/fault-codes.ts";
import type { Log, LogLevel } from "../base/log.ts";
import { realClock } from "../base/real/clock.ts";
import { type Bus, Hub } from "../bus/mod.ts";
import { type NodeFile, splitHostPort } from "../model/node-file.ts";
import type { ChildKind, FromChild, ToChild } from "./child.ts";
import { type CrewMember, crewOf, expectFreePorts } from "./crew.ts";
import { engineOptions } from "./engine-options.ts";
import { adoptLeft } from "./left-behind.ts";
import { CrewVoice } from "./node/crew-voice.ts";
import { printOut } from "./node/line-log.ts";
import { startMetrics } from "./node/metrics.ts";
import { MetricsSum } from "./node/metrics-sum.ts";
import type { ChildPlace } from "./node/start.ts";

/** A child that ends is started again after this long, doubling up to the most, ms. */
const RESTART_FIRST_MS = 100;
const RESTART_MOST_MS = 5000;
/** How often a node of several processes says its figures. */
const VOICE_MS = 1000;
/** Of a child that does not say its metrics in time, those that it last said are shown. */
const METRICS_MS = 2000;
/** A child told to stop is killed after this long beyond what requests under way may take, ms. */
const STOP_MS = 5000;

export interface Fleet {
  readonly bus: Bus;
  /** Where each child listens: `fra-1` or `fra-1/control` -> role -> words. */
  readonly listens: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Process ids by the same names. */
  pids(): Record<string, number>;
  /** Whether the child of that name has said that it is. */
  isReady(name: string): boolean;
  stop(): Promise<void>;
}

/**
 * Starts the processes of one or more nodes under this supervisor: per node one process for its
 * data roles and one for control, so that the hot path never shares a thread with the database.
 * A child that dies is started again; if one cannot start at first, all are stopped and its Fault
 * is thrown.
 */
export async function startFleet(o: {
  nodes: readonly NodeFile[];
  log: Log;
  logLevel: LogLevel;
}): Promise<Fleet> {
  const hub = new Hub((error, subject) => o.log.error("A bus handler failed", { subject, error }));
  const children: Child[] = [];
  const crews: CrewRunning[] = [];
  for (const file of o.nodes) {
    if (file.roles.includes("edge") && file.cache.workers > 1) {
      await expectFreePorts(file);
      const crew = startCrew(file, { hub, log: o.log });
      crews.push(crew);
      const { voice } = crew;
      const left = adoptLeft(
        file,
        crew.members.map((member) => member.file.data),
      );
      const own = crew.members.map(({ crew, ...member }, i) => {
        const place = { ...(crew && { crew }), ...(i === 0 && { left }) };
        return new Child({ ...member, place, kind: "node", ...o, hub, voice });
      });
      children.push(...own);
      crew.showMetrics(own);
    } else if (file.roles.some((role) => role !== "control")) {
      const place = { left: adoptLeft(file, [file.data]) };
      children.push(new Child({ name: file.name, kind: "node", file, place, ...o, hub }));
    }
    if (file.roles.includes("control")) {
      children.push(new Child({ name: `${file.name}/control`, kind: "control", file, ...o, hub }));
    }
  }
  const stop = async () => {
    for (const turn of [0, 1, 2]) {
      await Promise.all(children.filter((child) => child.stopTurn === turn).map((c) => c.stop()));
    }
    for (const crew of crews) await crew.stop();
    hub.close();
  };
  const results = await Promise.allSettled(children.map((child) => child.start()));
  const failed = results.find((result) => result.status === "rejected");
  if (failed !== undefined) {
    await stop();
    throw failed.reason;
  }
  return {
    bus: hub,
    listens: Object.fromEntries(children.map((child) => [child.name, child.listens])),
    pids: () => Object.fromEntries(children.map((child) => [child.name, child.pid])),
    isReady: (name) => children.find((child) => child.name === name)?.isReady === true,
    stop,
  };
}

/** How to run this program again: from source the entry file is named, from the binary it is not. */
function selfCommand(): string[] {
  const compiled = Bun.main.startsWith("/$bunfs/");
  return compiled ? [process.execPath] : [process.execPath, `${import.meta.dir}/main.ts`];
}

function environmentOf(kind: ChildKind, file: NodeFile): Record<string, string | undefined> {
  const env = { ...process.env, BUN_CONFIG_MAX_HTTP_REQUESTS: "65535" };
  if (kind !== "node" || !file.roles.includes("edge")) return env;
  return { ...env, ...engineOptions(file.cache.memoryMiB * 1024 * 1024) };
}

interface ChildOptions {
  readonly name: string;
  readonly kind: ChildKind;
  readonly file: NodeFile;
  readonly place?: ChildPlace;
  /** What its node says of itself. */
  readonly voice?: CrewVoice;
  readonly hub: Hub;
  readonly log: Log;
  readonly logLevel: LogLevel;
}

class Child {
  readonly name: string;
  listens: Readonly<Record<string, string>> = {};
  readonly #o: ChildOptions;
  #process: Bun.Subprocess | null = null;
  #stopping = false;
  #restartMs = RESTART_FIRST_MS;
  #ready = false;
  #lastAsked = 0;
  readonly #asked = new Map<number, (text: string) => void>();

  constructor(o: ChildOptions) {
    this.name = o.name;
    this.#o = o;
  }

  /**
   * When it is stopped: workers first, for they ask their keeper; control last, for it still takes the
   * usage that the others send when they stop.
   */
  get stopTurn(): number {
    if (this.#o.kind === "control") return 2;
    return this.#o.place?.crew?.part === "worker" ? 0 : 1;
  }

  /** What it shows for Prometheus; nothing where it does not answer. */
  metrics(timeoutMs: number): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const id = ++this.#lastAsked;
    const timer = setTimeout(() => resolve(""), timeoutMs);
    this.#asked.set(id, resolve);
    this.#send({ t: "metrics", id });
    return promise.finally(() => {
      clearTimeout(timer);
      this.#asked.delete(id);
    });
  }

  get isReady(): boolean {
    return this.#ready;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Resolves when the child is ready; rejects with its Fault when it says that it cannot start. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const { hub, kind, file, logLevel, log, place, voice } = this.#o;
      let settled = false;
      this.#ready = false;
      const child = Bun.spawn([...selfCommand(), "child"], {
        stdio: ["ignore", "inherit", "inherit"],
        serialization: "advanced",
        env: environmentOf(kind, file),
        ipc: (message: FromChild) => {
          if (message.t === "bus") {
            if (voice?.takes(this.name, message.frame) !== true) link.receive(message.frame);
          } else if (message.t === "print") {
            const printed = () => this.#send({ t: "printed" }, child);
            printOut(message.text).then(printed, printed);
          } else if (message.t === "metrics") this.#asked.get(message.id)?.(message.text);
          else if (message.t === "ready") {
            settled = true;
            this.#ready = true;
            this.listens = message.listens;
            this.#restartMs = RESTART_FIRST_MS;
            resolve();
          } else {
            settled = true;
            reject(faultOf(message));
          }
        },
        onExit: (_child, code, signal) => {
          link.detach();
          voice?.left(this.name);
          const wasReady = this.#ready;
          this.#ready = false;
          if (!settled) reject(new Fault("bad-input", `${this.name} ended before it was ready`));
          else if (wasReady && !this.#stopping) this.#again({ code, signal });
        },
      });
      this.#process = child;
      voice?.joined(this.name, { isCache: file.roles.includes("edge") });
      const link = hub.attach((frame) => this.#send({ t: "bus", frame }, child));
      log.debug("Started a process", { name: this.name, pid: child.pid });
      this.#send({ t: "start", kind, file, logLevel, ...(place && { place }) }, child);
    });
  }

  #send(message: ToChild, child = this.#process): void {
    if (child === null || child.exitCode !== null || child.killed) return;
    try {
      child.send(message);
    } catch {
      // Its channel closed before its end was noticed; what it missed it asks for when it is back.
    }
  }

  #again(end: { code: number | null; signal: NodeJS.Signals | number | null }): void {
    const { log } = this.#o;
    log.warn(`${this.name} ended; starting it again`, { ...end, inMs: this.#restartMs });
    setTimeout(() => {
      if (this.#stopping) return;
      this.start().catch((error: unknown) => {
        log.error(`${this.name} cannot start again`, { error });
        if (!this.#stopping) this.#again({ code: null, signal: null });
      });
    }, this.#restartMs);
    this.#restartMs = Math.min(this.#restartMs * 2, RESTART_MOST_MS);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    const child = this.#process;
    if (child === null || child.exitCode !== null) return;
    try {
      child.send({ t: "stop" } satisfies ToChild);
    } catch {
      // Its channel is closed: it is ending by itself, and is killed if it does not.
    }
    const ms = STOP_MS + this.#o.file.finishSec * 1000;
    const timer = setTimeout(() => child.kill("SIGKILL"), ms);
    await child.exited;
    clearTimeout(timer);
  }
}

interface CrewRunning {
  readonly members: readonly CrewMember[];
  readonly voice: CrewVoice;
  /** Where the node file asks for it. */
  showMetrics(children: readonly Child[]): void;
  stop(): Promise<void>;
}

/** What a node with several caching processes has at its supervisor. */
function startCrew(file: NodeFile, o: { readonly hub: Hub; readonly log: Log }): CrewRunning {
  const { members, remove } = crewOf(file);
  const voice = new CrewVoice({
    node: file.name,
    publish: (subject, message) => o.hub.publish(subject, message),
    monoMs: () => realClock.monoMs(),
    wallMs: () => realClock.wallMs(),
  });
  const timer = setInterval(() => voice.tick(), VOICE_MS);
  let shown: ReturnType<typeof startMetrics> | null = null;
  const showMetrics = (children: readonly Child[]) => {
    const where = file.listen.metrics;
    if (where === undefined) return;
    const sum = new MetricsSum();
    const source = async () => {
      const texts = children.map(
        async (child) => [child.name, await child.metrics(METRICS_MS)] as const,
      );
      return sum.merge(new Map(await Promise.all(texts)));
    };
    shown = startMetrics({ listen: splitHostPort(where), sources: [source], log: o.log });
  };
  const stop = async () => {
    clearInterval(timer);
    await shown?.stop();
    remove();
  };
  return { members, voice, showMetrics, stop };
}

function faultOf(message: FromChild & { t: "failed" }): Error {
  if (!(message.code in FAULT_CODES)) return new Error(message.words);
  return new Fault(message.code as FaultCode, message.words, { problems: message.problems });
}
