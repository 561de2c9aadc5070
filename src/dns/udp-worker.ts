// The thread that answers UDP in batches: an entry of its own in a compiled binary. It sleeps in the
// kernel, at most 100 ms at a time, so it has no event loop: messages are fetched, not received.
import { ptr } from "bun:ffi";
import { receiveMessageOnPort } from "node:worker_threads";
import { assert } from "../base/assert.ts";
import { realClock } from "../base/real/clock.ts";
import { Batch, type HandedOver } from "./batch.ts";
import { Responder } from "./hot/answer.ts";
import {
  EBADF,
  ENOTSOCK,
  errno,
  type Libc,
  MSG_DONTWAIT,
  MSG_WAITFORONE,
  openLibc,
  WAIT_MS,
} from "./libc.ts";
import { reportOf } from "./report.ts";
import { openKeys } from "./sign-keys.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./worker-messages.ts";

declare const self: Worker;

const REPORT_EACH_MS = 400;

self.onmessage = (event: MessageEvent<WorkerStart>) => {
  const { port } = event.data;
  const say = (message: FromWorker) => port.postMessage(message);
  try {
    run(event.data, say);
  } catch (error) {
    say({ kind: "failed", words: String(error) });
  }
  port.close();
};

function run(start: WorkerStart, say: (message: FromWorker) => void): void {
  const libc = openLibc();
  assert(libc !== null, "The main thread has opened the C library before");
  const responder = new Responder(start.seed, start.settings);
  const batch = new Batch(libc, responder, realClock);
  const wait =
    start.fds.length === 1
      ? waitOnOne(libc, batch, start.fds[0]!)
      : waitOnMany(libc, batch, start.fds);
  const report = () => {
    if (!batch.answered) return;
    batch.answered = false;
    say({ kind: "counts", ...reportOf(responder) });
  };
  const handOver = (message: HandedOver) => say({ kind: "signed", message });
  const take = () => {
    return takeMessages(start, {
      responder,
      say,
      handOver: (on) => {
        batch.handOver = on ? handOver : null;
      },
    });
  };
  let running = take();
  say({ kind: "ready" });
  let reportAtMs = realClock.monoMs() + REPORT_EACH_MS;
  while (running) {
    wait();
    const nowMs = realClock.monoMs();
    if (nowMs >= reportAtMs) {
      reportAtMs = nowMs + REPORT_EACH_MS;
      report();
    }
    running = take();
  }
  report();
  say({ kind: "stopped" });
}

/** Takes what the main thread sent; false once it said to stop. */
function takeMessages(
  start: WorkerStart,
  to: {
    readonly responder: Responder;
    readonly say: (message: FromWorker) => void;
    readonly handOver: (on: boolean) => void;
  },
): boolean {
  const { responder, say } = to;
  for (;;) {
    const received = receiveMessageOnPort(start.port);
    if (received === undefined) return true;
    const message = received.message as ToWorker;
    if (message.kind === "stop") return false;
    if (message.kind === "handOver") {
      to.handOver(message.on);
      continue;
    }
    try {
      if (message.kind === "keys") {
        responder.sign(openKeys(message.keys, realClock), message.tables);
        continue;
      }
      if (message.kind === "load") responder.take(message.tables);
      responder.patch(message.patch);
    } catch (error) {
      // The one before stays: a bad snapshot never replaces a good one.
      say({ kind: "refused", words: String(error) });
    }
  }
}

function waitOnOne(libc: Libc, batch: Batch, fd: number): () => void {
  return () => {
    if (batch.serve(fd, MSG_WAITFORONE) < 0) checkSocket(libc);
  };
}

/** Without this, a socket that is gone would be asked over and over. */
function checkSocket(libc: Libc): void {
  const code = errno(libc);
  assert(code !== EBADF && code !== ENOTSOCK, "The main thread keeps sockets open");
}

const POLLIN = 1;

/** Several sockets: poll first. struct pollfd is an int and two shorts. */
function waitOnMany(libc: Libc, batch: Batch, fds: readonly number[]): () => void {
  const polled = new Int32Array(new ArrayBuffer(fds.length * 8));
  const at = ptr(polled);
  for (const [i, fd] of fds.entries()) {
    polled[i * 2] = fd;
    polled[i * 2 + 1] = POLLIN;
  }
  return () => {
    if (libc.poll(at, fds.length, WAIT_MS) <= 0) return;
    for (const [i, fd] of fds.entries()) {
      if (polled[i * 2 + 1]! >>> 16 === 0) continue;
      if (batch.serve(fd, MSG_DONTWAIT) < 0) checkSocket(libc);
    }
  };
}
