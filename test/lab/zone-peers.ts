/** One zone served by us and by NSD and Knot, and one question put to all of them. */
import { createSocket } from "node:dgram";
import { mkdirSync, writeFileSync } from "node:fs";
import { connect, type Socket as TcpSocket } from "node:net";
import { join } from "node:path";
import { silentLog } from "../../src/base/log.ts";
import { realClock } from "../../src/base/real/clock.ts";
import { seededRng } from "../../src/base/rng.ts";
import { type DnsServer, startDns } from "../../src/dns/mod.ts";
import { NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import type { Feed } from "../../src/model/feed.ts";
import { NO_HEALTH } from "../../src/model/health.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { noUsage } from "../../src/model/usage.ts";

/** Serves a snapshot that never changes. */
export function serveSnapshot(snapshot: Snapshot, host: string): Promise<DnsServer> {
  const feed: Feed = {
    snapshot: () => snapshot,
    health: () => NO_HEALTH,
    assignment: () => NO_ASSIGNMENT,
    onSnapshot: () => () => {},
    onHealth: () => () => {},
  };
  const usage = noUsage();
  return startDns({
    node: "a",
    listen: { hosts: [host], port: 0 },
    feed,
    meter: { of: () => usage },
    clock: realClock,
    rng: seededRng(1),
    log: silentLog,
  });
}

/** Knot's configuration for one zone; it runs in the foreground as `knotd -c`. */
export function knotConf(o: { dir: string; address: string; zone: string; text: string }): string {
  mkdirSync(o.dir, { recursive: true });
  writeFileSync(join(o.dir, "zone"), o.text);
  const path = join(o.dir, "knot.conf");
  writeFileSync(
    path,
    `server:
  rundir: "${o.dir}"
  listen: ${o.address}@53
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "${o.dir}"
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "${o.dir}"
    zonefile-load: whole
    journal-content: none
zone:
  - domain: ${o.zone}
    file: "zone"
`,
  );
  return path;
}

/** Puts many questions to one server, many at a time, and asks again what got lost. */
export class Asker {
  readonly #waiting = new Map<number, (answer: Buffer) => void>();
  readonly #wire: { send(bytes: Buffer): void; close(): void };
  #id = 0;

  constructor(to: { host: string; port: number }, over: "udp" | "tcp" = "udp") {
    const take = (answer: Buffer) => {
      const id = answer.readUInt16BE(0);
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    };
    this.#wire = over === "udp" ? overUdp(to, take) : overTcp(to, take);
  }

  /** The answer; null if none came to any of three tries. The id of the question is set here. */
  async ask(question: Uint8Array): Promise<Buffer | null> {
    for (let attempt = 0; attempt < 3; attempt++) {
      this.#id = (this.#id + 1) & 0xffff;
      const id = this.#id;
      const bytes = Buffer.from(question);
      bytes.writeUInt16BE(id, 0);
      const answer = await new Promise<Buffer | null>((resolve) => {
        const timer = setTimeout(() => {
          this.#waiting.delete(id);
          resolve(null);
        }, 1000);
        this.#waiting.set(id, (found) => {
          clearTimeout(timer);
          resolve(found);
        });
        this.#wire.send(bytes);
      });
      if (answer !== null) return answer;
    }
    return null;
  }

  close(): void {
    this.#wire.close();
  }
}

function overUdp(to: { host: string; port: number }, take: (answer: Buffer) => void) {
  const socket = createSocket("udp4");
  socket.on("message", take);
  return {
    send: (bytes: Buffer) => socket.send(bytes, to.port, to.host),
    close: () => void socket.close(),
  };
}

/** One connection, and another one when the server has closed it. */
function overTcp(to: { host: string; port: number }, take: (answer: Buffer) => void) {
  let socket: TcpSocket | null = null;
  const open = () => {
    let unread = Buffer.alloc(0);
    const made = connect(to.port, to.host);
    made.on("data", (data: Buffer) => {
      unread = Buffer.concat([unread, data]);
      while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
        const end = 2 + unread.readUInt16BE(0);
        take(Buffer.from(unread.subarray(2, end)));
        unread = unread.subarray(end);
      }
    });
    made.on("error", () => {});
    made.on("close", () => {
      if (socket === made) socket = null;
    });
    return made;
  };
  return {
    send: (bytes: Buffer) => {
      socket ??= open();
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      socket.write(Buffer.concat([length, bytes]));
    },
    close: () => void socket?.destroy(),
  };
}
