import { createSocket } from "node:dgram";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { ExtrasFeed } from "../model/zone-extras.ts";
import {
  encodeMessage,
  FLAG,
  makeQuery,
  OPCODE,
  signMessage,
  type TsigKey,
  TYPE,
} from "../wire/dns/mod.ts";
import { hmac } from "./hmac.ts";

/** RFC 1996 3.6 allows five tries, each waiting longer. */
const TRIES_MS = [1000, 2000, 4000, 8000, 16_000];
/** Secondaries told at the same time. */
const AT_ONCE_MAX = 100;

export interface NotifyOptions {
  readonly extras: ExtrasFeed;
  /** To send from, so that secondaries know us; null where we listen on all. */
  readonly from: string | null;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/**
 * Tells secondaries that a zone has changed (RFC 1996), signed, over UDP, until each has answered or five
 * tries have passed. A newer change takes the place of an older one.
 */
export class Notifier {
  readonly #o: NotifyOptions;
  /** `zone host:port` -> the serial told, and the way to stop telling. */
  readonly #told = new Map<string, { readonly serial: number; readonly stop: () => void }>();

  constructor(o: NotifyOptions) {
    this.#o = o;
  }

  /** Tells whoever does not know this snapshot's zones yet. */
  take(snapshot: Snapshot): void {
    const wanted = new Set<string>();
    for (const zone of snapshot.zones) {
      if (zone.transfer === undefined) continue;
      const key = this.#keyOf(zone.transfer.key);
      for (const to of zone.transfer.to) {
        const id = `${zone.name} ${to}`;
        wanted.add(id);
        const before = this.#told.get(id);
        if (key === null || before?.serial === snapshot.number) continue;
        if (before === undefined && this.#told.size >= AT_ONCE_MAX) continue;
        before?.stop();
        const stop = this.#tell({ zone: zone.name, to, key });
        this.#told.set(id, { serial: snapshot.number, stop });
      }
    }
    for (const [id, { stop }] of this.#told) {
      if (wanted.has(id)) continue;
      stop();
      this.#told.delete(id);
    }
  }

  stop(): void {
    for (const { stop } of this.#told.values()) stop();
    this.#told.clear();
  }

  #keyOf(name: string): TsigKey | null {
    const found = this.#o.extras.extras().tsig.find((secret) => secret.name === name);
    if (found?.use !== "transfer") return null;
    const secret = Uint8Array.from(Buffer.from(found.secret, "base64"));
    return { name: found.name, algorithm: found.algorithm, secret };
  }

  #tell(o: { readonly zone: string; readonly to: string; readonly key: TsigKey }): () => void {
    const { clock, rng, log, from } = this.#o;
    const at = o.to.lastIndexOf(":");
    const host = o.to.slice(0, at).replace(/^\[|\]$/g, "");
    const port = Number(o.to.slice(at + 1));
    const v6 = host.includes(":");
    const id = Math.floor(rng.float() * 65_536);
    const socket = createSocket(v6 ? "udp6" : "udp4");
    let tries = 0;
    let timer: ReturnType<typeof setTimeout> | null = null;
    const stop = () => {
      if (timer !== null) clearTimeout(timer);
      timer = null;
      socket.removeAllListeners("message");
      try {
        socket.close();
      } catch {
        // Closed already.
      }
    };
    const send = () => {
      const wait = TRIES_MS[tries++];
      if (wait === undefined) {
        log.warn("A secondary does not answer", { zone: o.zone, to: o.to });
        stop();
        return;
      }
      const timeSec = Math.floor(clock.wallMs() / 1000);
      const message = { ...makeQuery(id, o.zone, TYPE.SOA), opcode: OPCODE.NOTIFY, edns: null };
      const bytes = encodeMessage({ ...message, flags: FLAG.AUTHORITATIVE });
      if (bytes !== null) socket.send(signMessage(bytes, { key: o.key, hmac, timeSec }).bytes);
      timer = setTimeout(send, wait);
    };
    socket.on("error", () => {});
    socket.on("message", (data) => {
      // Connected, so only the secondary is heard; whatever it thinks of it, it knows now.
      if (data.length >= 12 && data.readUInt16BE(0) === id && (data[2]! & 0x80) !== 0) stop();
    });
    const connect = () => socket.connect(port, host, send);
    const own = from !== null && from.includes(":") === v6 ? from : null;
    if (own === null) connect();
    else socket.bind({ address: own, port: 0 }, connect);
    return stop;
  }
}
