import { Writable } from "node:stream";
import { Client, FTPError } from "basic-ftp";
import type { Clock } from "../../base/clock.ts";
import { startDeadline } from "./deadline.ts";
import { type CheckOutcome, failed, failureOf } from "./outcome.ts";

export interface FtpCheckOptions {
  /** An IP literal. Data connections go to it too, whatever the server says (no bounce). */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** A file to retrieve; without one the sign-in is all. */
  readonly path?: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

const FILE_BYTES_MAX = 262_144;

type Step = "greeting" | "login" | "retrieve";

/** Thrown by the sink once enough of the file has come. */
class Enough extends Error {}

/** Signs in and, if asked, retrieves one file: the whole time of it is what load follows. */
export async function checkFtp(options: FtpCheckOptions): Promise<CheckOutcome> {
  const { clock } = options;
  const client = new Client(0);
  client.ftp.ipFamily = options.address.includes(":") ? 6 : 4;
  const startMs = clock.monoMs();
  const elapsedMs = () => clock.monoMs() - startMs;
  let timedOut = false;
  const deadline = startDeadline(options.timeoutMs, clock, () => {
    timedOut = true;
    client.close();
  });
  const abort = () => client.close();
  options.signal?.addEventListener("abort", abort, { once: true });
  const timings: { connectMs: number | null; firstByteMs: number | null } = {
    connectMs: null,
    firstByteMs: null,
  };
  let step: Step = "greeting";
  try {
    const greeted = client.connect(options.address, options.port);
    client.ftp.socket.once("connect", () => {
      timings.connectMs = elapsedMs();
    });
    await greeted;
    timings.firstByteMs = elapsedMs();
    step = "login";
    await client.login(options.user, options.password);
    step = "retrieve";
    if (options.path !== undefined) await retrieve(client, options.path);
    return { ok: true, failure: "", ...timings, totalMs: elapsedMs() };
  } catch (error) {
    return failed(timedOut ? "timeout" : reasonOf(step, error), timings);
  } finally {
    deadline.stop();
    options.signal?.removeEventListener("abort", abort);
    client.close();
  }
}

async function retrieve(client: Client, path: string): Promise<void> {
  let bytes = 0;
  const sink = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      bytes += chunk.length;
      done(bytes > FILE_BYTES_MAX ? new Enough() : null);
    },
  });
  sink.on("error", () => {});
  try {
    await client.downloadTo(sink, path);
  } catch (error) {
    if (bytes <= FILE_BYTES_MAX) throw error;
  }
}

function reasonOf(step: Step, error: unknown): string {
  if (error instanceof FTPError) {
    if (step === "greeting") return `greeting ${error.code}`;
    return step === "login" ? "login refused" : `retrieve ${error.code}`;
  }
  const word = failureOf(error);
  return word === "broken connection" && step === "greeting" ? "not ftp" : word;
}
