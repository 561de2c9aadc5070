import { createSocket, type Socket } from "node:dgram";
import type { Clock } from "../../base/clock.ts";
import type { Rng } from "../../base/rng.ts";
import {
  decodeMessage,
  encodeMessage,
  FLAG,
  isWireFault,
  type Message,
  makeQuery,
  TYPE,
} from "../../wire/dns/mod.ts";
import { startDeadline } from "./deadline.ts";
import { type CheckOutcome, failed, failureOf } from "./outcome.ts";

export interface DnsCheckOptions {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  readonly name: string;
  readonly type: "A" | "AAAA" | "NS" | "SOA" | "TXT" | "CNAME";
  /** An address or name that must be among the answers. */
  readonly expect?: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly signal?: AbortSignal;
}

/** Packets that are no answer to the question are dropped; so many of them end the check. */
const STRAYS_MAX = 1000;

/**
 * Asks the server one question over UDP. It passes with NOERROR and an answer of the type asked
 * for, and with `expect` only if that is among them.
 */
export function checkDns(options: DnsCheckOptions): Promise<CheckOutcome> {
  const { clock, rng } = options;
  const id = Math.floor(rng.float() * 65_536);
  const startMs = clock.monoMs();
  return new Promise((resolve) => {
    const socket = createSocket(options.address.includes(":") ? "udp6" : "udp4");
    let strays = 0;
    let over = false;
    const finish = (failure: string) => {
      if (over) return;
      over = true;
      deadline.stop();
      options.signal?.removeEventListener("abort", abort);
      close(socket);
      const totalMs = clock.monoMs() - startMs;
      const answered = !["timeout", "refused", "stopped"].includes(failure);
      const timings = { connectMs: null, firstByteMs: answered ? totalMs : null };
      resolve(
        failure === "" ? { ok: true, failure, ...timings, totalMs } : failed(failure, timings),
      );
    };
    const abort = () => finish("stopped");
    const deadline = startDeadline(options.timeoutMs, clock, () => finish("timeout"));
    options.signal?.addEventListener("abort", abort, { once: true });
    socket.on("error", (error) => finish(failureOf(error)));
    socket.on("message", (bytes) => {
      const verdict = judge(bytes, id, options);
      if (verdict !== null) finish(verdict);
      else if (++strays >= STRAYS_MAX) finish("not dns");
    });
    // Connected, so that only this server is heard, and its refusals are.
    socket.connect(options.port, options.address, () => {
      if (over) return;
      const query = {
        ...makeQuery(id, options.name, TYPE[options.type]),
        flags: FLAG.RECURSION_DESIRED,
      };
      const bytes = encodeMessage(query, 512);
      if (bytes === null) finish("name too long");
      else socket.send(bytes);
    });
  });
}

/** The failure, "" when it passes, null when this is no answer to our question. */
function judge(bytes: Uint8Array, id: number, o: DnsCheckOptions): string | null {
  const message = decodeMessage(bytes);
  if (isWireFault(message)) return "not dns";
  const [question] = message.questions;
  if (message.id !== id || (message.flags & FLAG.RESPONSE) === 0) return null;
  if (question !== undefined && question.name.toLowerCase() !== o.name) return null;
  if (message.rcode !== 0) return `rcode ${message.rcode}`;
  const texts = answersOf(message, o);
  if (texts.length === 0) return "no answer";
  if (o.expect === undefined) return "";
  return texts.includes(o.expect.toLowerCase()) ? "" : "other answer";
}

function answersOf(message: Message, o: DnsCheckOptions): string[] {
  const answers = message.answers.filter((record) => record.type === TYPE[o.type]);
  return answers.map(({ data }) => {
    if (data.kind === "address") return data.address.toLowerCase();
    if (data.kind === "name") return data.name.toLowerCase();
    if (data.kind === "soa") return data.soa.mname.toLowerCase();
    if (data.kind === "texts") return data.texts.map((t) => new TextDecoder().decode(t)).join("");
    return "";
  });
}

function close(socket: Socket): void {
  try {
    socket.close();
  } catch {
    // Never opened.
  }
}
