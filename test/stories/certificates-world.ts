import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TLSSocket } from "node:tls";
import { assert } from "../../src/base/assert.ts";
import type { Bus } from "../../src/bus/mod.ts";
import { issue, selfSigned } from "../../src/cli/demo/certificate.ts";
import { type Certificates, startCertificates } from "../../src/cli/node/certificates.ts";
import { secretWorld } from "../../src/cli/node/secret-world.fixture.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import type { CertificateRow } from "../../src/model/api/mod.ts";
import { Stage, type StageOrigin, type StageSite, snapshotOf, startOrigin } from "./edge-stage.ts";

export const SHOP = "www.shop.example";
export const NEWS = "www.news.example";
/** Valid for clients and for every clock of a test. */
const FROM = new Date(Date.UTC(2020, 0, 1));
const DAYS = 10_000;

export const root = issue({ subject: "Lab root", names: [], from: FROM, days: DAYS });

export function issued(names: readonly string[], from = FROM, days = DAYS) {
  return issue({ subject: names[0] ?? "", names, from, days, by: root });
}

/** What a handshake showed. */
export interface Shown {
  readonly serial: string;
  readonly names: string;
  readonly protocol: string;
  readonly isReused: boolean;
  /** To be given with the next. */
  readonly session: Buffer | null;
}

/** A control plane, what a node has of its certificates, and a cache that shows them. */
export class CertificatesWorld {
  readonly nodeDir = mkdtempSync(join(tmpdir(), "turnpike-certificates-"));
  /** Every word that the node got over the bus about certificates. */
  readonly heard: string[] = [];
  control!: ControlWorld;
  headers: Record<string, string> = {};
  certificates!: Certificates;
  stage!: Stage;
  origin!: StageOrigin;
  readonly #net: string;

  constructor(net: string) {
    this.#net = net;
  }

  /** @param tlsDrainMs as the cache has it: clients of a busy machine need so long to be moved over */
  async start(tlsDrainMs = 1_000, more: readonly StageSite[] = []): Promise<void> {
    this.control = await startControlWorld();
    this.headers = await this.control.token(OPERATOR);
    const yaml = NETWORK_YAML.replace("steering: {margin: 0}", "front: caches");
    await this.control.call("POST", "/apply", { headers: this.headers, body: { yaml } });
    const { bus } = this.control;
    const request: Bus["request"] = async (subject, ask, timeoutMs) => {
      const reply = await bus.request(subject, ask, timeoutMs);
      this.heard.push(JSON.stringify([subject, ask, reply]));
      return reply;
    };
    this.certificates = await startCertificates(secretWorld(this.nodeDir, { request } as Bus, 9));
    this.origin = startOrigin(`${this.#net}.0.1`, 0, () => {
      return new Response("the page", { headers: { "cache-control": "max-age=600" } });
    });
    const { address, port } = this.origin;
    const origins = [{ name: "o1", v4: address, port }];
    const of = (customer: string, hostname: string): StageSite => {
      return { customer, hostname, port, origins, front: "caches" };
    };
    const sites = [of("shop", SHOP), of("news", NEWS), ...more];
    this.stage = new Stage(snapshotOf(sites), `${this.#net}.9.1`);
    await this.stage.start({
      tls: selfSigned(["c.cdn.example"], new Date()),
      certificates: this.certificates,
      tlsDrainMs,
    });
  }

  async stop(): Promise<void> {
    this.certificates.stop();
    await this.stage.stop();
    await this.origin.stop();
    await this.control.stop();
    rmSync(this.nodeDir, { recursive: true, force: true });
  }

  add(pair: { cert: string; key: string }, more: { customer?: string; name?: string } = {}) {
    const { customer = "shop", name } = more;
    const body = { cert: pair.cert, key: pair.key, ...(name === undefined ? {} : { name }) };
    const path = `/customers/${customer}/certificates`;
    return this.control.call<CertificateRow & { problems?: { path: string; message: string }[] }>(
      ...["POST" as const, path, { headers: this.headers, body }],
    );
  }

  remove(name: string, customer = "shop") {
    const path = `/customers/${customer}/certificates/${name}`;
    return this.control.call("DELETE", path, { headers: this.headers });
  }

  async list(customer = "shop"): Promise<CertificateRow[]> {
    const path = `/customers/${customer}/certificates`;
    return (await this.control.call<CertificateRow[]>("GET", path, { headers: this.headers })).body;
  }

  /** A handshake; without `name` it names nobody. On a stalled machine a listener may end before it. */
  async shown(name: string | null, more: object = {}): Promise<Shown> {
    for (let left = 3; ; left--) {
      try {
        return await this.#shown(name, more);
      } catch (error) {
        if (left === 0 || (error as { code?: string }).code !== "ECONNRESET") throw error;
      }
    }
  }

  #shown(name: string | null, more: object): Promise<Shown> {
    const { promise, resolve, reject } = Promise.withResolvers<Shown>();
    const socket: TLSSocket = connect({
      host: this.stage.address,
      port: this.stage.edge.httpsPort ?? 0,
      ...(name === null ? {} : { servername: name }),
      rejectUnauthorized: false,
      ...more,
    });
    let session: Buffer | null = null;
    socket.on("session", (ticket) => {
      session = ticket;
    });
    socket.on("error", reject);
    socket.on("secureConnect", () => {
      const peer = socket.getPeerCertificate();
      const isReused = socket.isSessionReused();
      const protocol = socket.getProtocol() ?? "";
      // Tickets of TLS 1.3 come after the handshake: an answer is waited for.
      socket.write(`GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
      socket.on("data", () => {});
      socket.on("close", () => {
        const { serialNumber: serial = "", subjectaltname: names = "" } = peer;
        resolve({ serial, names, protocol, isReused, session });
      });
    });
    return promise;
  }

  /** Handshakes until one is as expected, within the minute that is promised. */
  async until(name: string | null, holds: (shown: Shown) => boolean): Promise<Shown> {
    const endMs = performance.now() + 60_000;
    for (;;) {
      const shown = await this.shown(name);
      if (holds(shown)) return shown;
      assert(performance.now() < endMs, `A minute went by: ${shown.names}`);
      await this.certificates.catchUp();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
