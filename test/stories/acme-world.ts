import { connect } from "node:tls";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { ObtainedRow, ObtainedView } from "../../src/model/api/mod.ts";
import { Forwarder } from "../lab/forwarder.ts";
import { Pebble, type PebbleOptions } from "../lab/pebble.ts";
import { type Program, until } from "../lab/process.ts";
import { PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { Api, Folder, loopback, runTurnpike, startTurnpike } from "../lab/turnpike.ts";

export const HTTPS = 8443;

/**
 * A network of one node, an authority that looks names up at its name server, and a resolver that both use:
 * some names are the test's own.
 */
export class AcmeWorld {
  readonly folder = new Folder();
  readonly at = loopback();
  readonly control = `http://${this.at(1)}:${PORTS.control}`;
  readonly api = new Api(this.control);
  readonly pebble: Pebble;
  resolver!: Forwarder;
  #running: Program | null = null;
  #token = "";

  constructor(more: Pick<PebbleOptions, "env" | "eab" | "validitySec"> = {}) {
    const dns = `${this.at(4)}:${PORTS.dns}`;
    const { folder } = this;
    this.pebble = new Pebble({ address: this.at(3), folder, dns, httpPort: PORTS.http, ...more });
  }

  async start(): Promise<void> {
    const dns = { host: this.at(1), port: PORTS.dns };
    this.resolver = await Forwarder.start({ host: this.at(4), port: PORTS.dns }, dns);
    await this.pebble.start();
    await this.up();
    this.#token = await this.api.signIn();
  }

  async up(): Promise<void> {
    const own = selfSigned(["node.cdn.example"], new Date());
    const { folder } = this;
    const tls = { cert: folder.file("own.pem", own.cert), key: folder.file("own.key", own.key) };
    const node = smallNode({ address: this.at(1), data: folder.join("data") });
    const listen = { ...(node.listen as object), https: `${this.at(1)}:${HTTPS}` };
    const resolvers = [`${this.at(4)}:${PORTS.dns}`];
    const file = { ...node, listen, tls, resolvers };
    this.#running = startTurnpike(upArgs(folder, "node", file));
    await this.#running.says("ready");
  }

  /** kill -9 of all of the network. */
  async kill(): Promise<void> {
    await this.#running?.kill();
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.pebble.stop();
    this.resolver?.stop();
    this.folder.remove();
  }

  /** What the network said. */
  get output(): string {
    return this.#running?.output ?? "";
  }

  /** Applies the small network with an authority, changed as the test wants. */
  async apply(acme: object = {}, site: object = {}): Promise<void> {
    const network = smallNetwork({ address: this.at(1), origins: [this.at(2)] });
    const text = JSON.stringify(network).replace('"port":8081', `"port":8081${fieldsOf(site)}`);
    const { directory, ca } = this.pebble;
    const all = { ...JSON.parse(text), acme: { directory, ca, termsAgreed: true, ...acme } };
    await this.api.must("POST", "/apply", { network: all });
  }

  async turnpike(...args: readonly string[]) {
    const words = ["certificate", ...args, "--server", this.control, "--token", this.#token];
    return runTurnpike(words);
  }

  async rows(): Promise<readonly ObtainedRow[]> {
    return ((await this.api.must("GET", "/obtained")) as ObtainedView).names;
  }

  async row(host: string): Promise<ObtainedRow> {
    const row = (await this.rows()).find((one) => one.host === host);
    if (row === undefined) throw new Error(`No name ${host}`);
    return row;
  }

  /** The serial number that the cache shows to who trusts the authority alone; null: not trusted. */
  async shown(host: string): Promise<string | null> {
    const ca = await this.pebble.root();
    return new Promise((resolve) => {
      const to = { host: this.at(1), port: HTTPS, servername: host, ca };
      const socket = connect(to, () => {
        const { serialNumber } = socket.getPeerCertificate();
        socket.destroy();
        resolve(serialNumber);
      });
      socket.on("error", () => resolve(null));
    });
  }

  /** Waits until the cache shows a certificate of the authority's for each host; their serials. */
  async trusted(hosts: readonly string[]): Promise<Map<string, string>> {
    const serials = new Map<string, string>();
    for (const host of hosts) {
      const found = async () => {
        const serial = await this.shown(host);
        if (serial !== null) serials.set(host, serial);
        return serial !== null;
      };
      await until(found, { what: `${host} to be trusted`, withinMs: 60_000, everyMs: 200 });
    }
    return serials;
  }
}

function fieldsOf(site: object): string {
  const inner = JSON.stringify(site).slice(1, -1);
  return inner === "" ? "" : `,${inner}`;
}
