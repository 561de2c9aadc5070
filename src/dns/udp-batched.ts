import { MessageChannel, type MessagePort } from "node:worker_threads";
import { AssertionError } from "../base/assert.ts";
import { listenFault } from "../base/listen-fault.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { ZoneKey } from "../model/zone-keys.ts";
import { familyOf } from "../wire/ip/mod.ts";
import { addressOf, type HandedOver, sendTo } from "./batch.ts";
import type { AnswerSettings } from "./hot/settings.ts";
import { bindUdp, ERRNO_NAMES, type Libc } from "./libc.ts";
import type { Loading, UdpListen, UdpServer } from "./udp.ts";
import type { FromWorker, Report, ToWorker, WorkerStart } from "./worker-messages.ts";

export interface BatchedOptions extends UdpListen {
  readonly libc: Libc;
  readonly workers: number;
  readonly rng: Rng;
  readonly log: Log;
  readonly onReport: (report: Report) => void;
  readonly settings: AnswerSettings;
  /** What is served from the first packet on; null answers SERVFAIL. */
  readonly first: Loading | null;
  /** What is signed with from the first packet on. */
  readonly firstKeys: readonly ZoneKey[];
}

const READY_MS_MAX = 20_000;

/**
 * `recvmmsg` and `sendmmsg` in Workers, each with sockets of its own on every host. The sockets
 * are opened here, so that a port in use is a Fault at once, and closed here after the Workers.
 */
export async function startBatched(o: BatchedOptions): Promise<UdpServer> {
  const fds = bindAll(o);
  const workers: RunningWorker[] = [];
  const state = { open: true };
  const onHanded = async (message: HandedOver) => {
    const address = addressOf(message);
    const family = familyOf(address);
    const asked = { bytes: message.bytes, address, family, stream: false, secure: false };
    const answer = await o.onSigned(asked).catch((error: unknown) => {
      o.log.error("Cannot answer a signed message", { error });
      return null;
    });
    // The socket is closed once all is stopped, and its number may be another's then.
    if (answer !== null && state.open) sendTo(o.libc, message, answer);
  };
  const closeAll = () => {
    for (const fd of fds.flat()) o.libc.close(fd);
  };
  try {
    for (const own of fds) workers.push(await startWorker(own, { ...o, onHanded }));
  } catch (error) {
    await Promise.all(workers.map((worker) => worker.stop()));
    closeAll();
    throw error;
  }
  return {
    load: (next) => {
      for (const worker of workers) worker.send({ kind: "load", ...next });
    },
    patch: (patch) => {
      for (const worker of workers) worker.send({ kind: "patch", patch });
    },
    keys: (keys, tables) => {
      for (const worker of workers) worker.send({ kind: "keys", keys, tables });
    },
    handOver: (on) => {
      for (const worker of workers) worker.send({ kind: "handOver", on });
    },
    stop: async () => {
      state.open = false;
      await Promise.all(workers.map((worker) => worker.stop()));
      closeAll();
    },
  };
}

/** Sockets per worker; all or none. */
function bindAll(o: BatchedOptions): number[][] {
  const fds: number[][] = [];
  for (let w = 0; w < o.workers; w++) {
    const own: number[] = [];
    fds.push(own);
    for (const host of o.hosts) {
      const bound = bindUdp(o.libc, { host, port: o.port, shared: o.workers > 1 });
      if ("fd" in bound) {
        own.push(bound.fd);
        continue;
      }
      for (const fd of fds.flat()) o.libc.close(fd);
      const said = new Error(`Cannot bind UDP ${host} port ${o.port}: errno ${bound.errno}`);
      const code = ERRNO_NAMES[bound.errno];
      throw listenFault(Object.assign(said, { code }), `UDP ${host} port ${o.port}`);
    }
  }
  return fds;
}

/** The kernel spreads a client's packets over the sockets, so each has its part of the limits. */
function shareOf({ settings, workers }: BatchedOptions): AnswerSettings {
  const limits = settings.rateLimits;
  if (limits === null || workers === 1) return settings;
  const share = (perSec: number) => Math.ceil(perSec / workers);
  const rateLimits = {
    ...limits,
    answersPerSec: share(limits.answersPerSec),
    nxdomainPerSec: share(limits.nxdomainPerSec),
    errorsPerSec: share(limits.errorsPerSec),
  };
  return { ...settings, rateLimits };
}

interface RunningWorker {
  send(message: ToWorker): void;
  stop(): Promise<void>;
}

async function startWorker(
  fds: readonly number[],
  o: BatchedOptions & { readonly onHanded: (message: HandedOver) => Promise<void> },
): Promise<RunningWorker> {
  // In a compiled binary modules are flat at its root, Worker entries keep their folder below src.
  const inBinary = import.meta.url.includes("/$bunfs/");
  const here = inBinary ? new URL("./dns/", import.meta.url) : import.meta.url;
  const worker = new Worker(new URL("./udp-worker.ts", here));
  const { port1, port2 } = new MessageChannel();
  const stopped = Promise.withResolvers<void>();
  const ready = Promise.withResolvers<void>();
  let serving = false;
  const failed = (words: string) => {
    const error = new AssertionError(`A DNS worker ended: ${words}`);
    ready.reject(error);
    stopped.resolve();
    o.log.error("A DNS worker ended", { reason: words });
    // A bug. Without it nobody answers UDP here: better the process ends and is started again.
    // Thrown where nobody catches, since a rejection alone may only be logged.
    if (serving) {
      setTimeout(() => {
        throw error;
      });
    }
  };
  port1.on("message", (message: FromWorker) => {
    if (message.kind === "ready") ready.resolve();
    else if (message.kind === "refused") o.log.error("Cannot follow", { reason: message.words });
    else if (message.kind === "stopped") stopped.resolve();
    else if (message.kind === "failed") failed(message.words);
    else if (message.kind === "signed") void o.onHanded(message.message);
    else o.onReport(message);
  });
  worker.onerror = (event) => failed(event.message);
  const timer = setTimeout(() => failed("it did not say that it is ready"), READY_MS_MAX);
  const seed = Math.floor(o.rng.float() * 0xffffffff);
  const start: WorkerStart = { port: port2, fds, seed, settings: shareOf(o) };
  // It takes what waits at its port before it reads the first packet.
  const send = (message: ToWorker) => port1.postMessage(message);
  if (o.firstKeys.length > 0) send({ kind: "keys", keys: o.firstKeys, tables: null });
  if (o.first !== null) send({ kind: "load", ...o.first });
  worker.postMessage(start, [port2 as unknown as Transferable]);
  try {
    await ready.promise;
    serving = true;
  } catch (error) {
    worker.terminate();
    port1.close();
    throw error;
  } finally {
    clearTimeout(timer);
  }
  return runningWorker(worker, port1, stopped.promise);
}

function runningWorker(worker: Worker, port: MessagePort, stopped: Promise<void>): RunningWorker {
  return {
    send: (message) => port.postMessage(message),
    stop: async () => {
      port.postMessage({ kind: "stop" } satisfies ToWorker);
      await stopped;
      port.close();
      worker.terminate();
    },
  };
}
