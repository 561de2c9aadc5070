// Asks two servers in turn, for ever, one request at a time over connections that are kept, plain and over
// TLS: `latency-probe.ts EVERY_MS SUBJECT CONTROL`, each as JSON of `Probed`. At each line on standard
// input it prints, as JSON, what it measured since the last. In a process of its own, for the clients of a
// soak keep theirs busy.
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

export interface Probed {
  readonly address: string;
  readonly http: number;
  readonly https: number;
  readonly host: string;
  readonly path: string;
}

export interface Quantiles {
  readonly asked: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
}

/** Of the last window; `failed` counts connections that ended, which are opened again. */
export interface Measured {
  readonly subject: Quantiles;
  readonly control: Quantiles;
  readonly failed: number;
}

class Kept {
  readonly #of: Probed;
  readonly #secure: boolean;
  #socket: Socket | null = null;

  constructor(of: Probed, secure: boolean) {
    this.#of = of;
    this.#secure = secure;
  }

  /** How long one answer took, ms; null where the connection ended. */
  async ask(): Promise<number | null> {
    try {
      this.#socket ??= await this.#open();
      const from = performance.now();
      const mayStay = await this.#exchange(this.#socket);
      const took = performance.now() - from;
      if (!mayStay) this.#leave();
      return took;
    } catch {
      this.#leave();
      return null;
    }
  }

  #leave(): void {
    this.#socket?.destroy();
    this.#socket = null;
  }

  #open(): Promise<Socket> {
    const { promise, resolve, reject } = Promise.withResolvers<Socket>();
    const { address: host, http, https, host: servername } = this.#of;
    const socket = this.#secure
      ? connectTls({ host, port: https, servername, rejectUnauthorized: false }, () => ready())
      : connect({ host, port: http, noDelay: true }, () => ready());
    const ready = () => resolve(socket);
    socket.on("error", reject);
    return promise;
  }

  #exchange(socket: Socket): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    let text = "";
    const end = (act: () => void) => {
      socket.removeAllListeners("data");
      socket.removeAllListeners("close");
      act();
    };
    socket.on("data", (part: Buffer) => {
      text += part.toString("latin1");
      const head = text.slice(0, text.indexOf("\r\n\r\n") + 4);
      const length = Number(/^content-length: (\d+)/im.exec(head)?.[1] ?? Number.NaN);
      if (head.length < 5 || !(text.length >= head.length + length)) return;
      end(() => resolve(!/^connection: close/im.test(head)));
    });
    socket.on("close", () => end(() => reject(new Error("closed"))));
    socket.write(`GET ${this.#of.path} HTTP/1.1\r\nHost: ${this.#of.host}\r\n\r\n`);
    return promise;
  }
}

function quantilesOf(taken: number[]): Quantiles {
  taken.sort((a, b) => a - b);
  const at = (part: number) =>
    Math.round(1000 * (taken[Math.floor(taken.length * part)] ?? 0)) / 1000;
  return { asked: taken.length, p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99) };
}

if (import.meta.main) {
  const [every = "20", ...servers] = process.argv.slice(2);
  const [subject, control] = servers.map((text) => JSON.parse(text) as Probed);
  const both = [subject!, control!].map((of) => [new Kept(of, false), new Kept(of, true)] as const);
  let taken: [number[], number[]] = [[], []];
  let failed = 0;
  process.stdin.on("data", () => {
    const [ofSubject, ofControl] = taken;
    const told = { subject: quantilesOf(ofSubject), control: quantilesOf(ofControl), failed };
    process.stdout.write(`${JSON.stringify(told satisfies Measured)}\n`);
    taken = [[], []];
    failed = 0;
  });
  process.stdin.on("end", () => process.exit(0));
  for (let n = 0; ; n++) {
    // Who goes first changes, and so does the kind.
    for (const which of n % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      const took = await both[which]![(n >> 1) % 2]!.ask();
      if (took === null) failed++;
      else taken[which].push(took);
    }
    await Bun.sleep(Number(every));
  }
}
