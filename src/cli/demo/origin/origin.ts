import type { Clock } from "../../../base/clock.ts";
import type { IssuedPair } from "../certificate.ts";
import type { Ports } from "../layout.ts";
import { type Exporter, Machine, startExporter } from "./exporter.ts";
import { type FtpServer, startFtp } from "./ftp.ts";
import type { Content } from "./page.ts";
import { type AccessLine, WebServer } from "./web.ts";

/** A simulated machine beside the product: reports and FTP on its own address. */
export class Reporter {
  readonly machine: Machine;
  readonly #address: string;
  readonly #ports: Ports;
  #exporter: Exporter | null = null;
  #ftp: FtpServer | null = null;
  #ftpDelayMs = 0;

  constructor(clock: Clock, address: string, ports: Ports) {
    this.machine = new Machine(clock, { cpu: 0.1, memory: 0.4, networkBytesPerSec: 20_000 });
    this.#address = address;
    this.#ports = ports;
  }

  get ftpDelayMs(): number {
    return this.#ftpDelayMs;
  }

  set ftpDelayMs(ms: number) {
    this.#ftpDelayMs = ms;
    if (this.#ftp !== null) this.#ftp.delayMs = ms;
  }

  start(): void {
    this.#exporter ??= startExporter(this.machine, this.#address, this.#ports.exporter);
    this.#ftp ??= startFtp({
      host: this.#address,
      port: this.#ports.ftp,
      delayMs: this.#ftpDelayMs,
      file: (path) => (path === "/health.txt" ? new TextEncoder().encode("ok\n") : null),
    });
  }

  async stop(): Promise<void> {
    await this.#exporter?.stop();
    await this.#ftp?.stop();
    this.#exporter = null;
    this.#ftp = null;
  }
}

export interface OriginOptions {
  readonly clock: Clock;
  /** `<customer>/<name>`, as commands name it. */
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly ports: Ports;
  readonly zone: string;
  readonly sites: ReadonlyMap<string, Content>;
  readonly reports: boolean;
  /** Shown to whoever comes by HTTPS; the customer's own, not ours. */
  readonly certificate: IssuedPair;
}

/** One of a customer's mirrored web servers: HTTP always; exporter and FTP where it reports. */
export class Origin {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  /** PEM of the certificate that it shows. */
  readonly certificate: string;
  readonly web: WebServer;
  readonly reporter: Reporter | null;
  #alive = false;

  constructor(options: OriginOptions) {
    const { name, address, ports, zone, sites } = options;
    this.id = options.id;
    this.name = name;
    this.address = address;
    this.certificate = options.certificate.cert;
    const tls = { ...options.certificate, port: ports.https };
    this.web = new WebServer({ name, address, port: ports.http, zone, sites, tls });
    this.reporter = options.reports ? new Reporter(options.clock, address, ports) : null;
  }

  get alive(): boolean {
    return this.#alive;
  }

  revive(): void {
    this.web.start();
    this.reporter?.start();
    this.#alive = true;
  }

  /** Everything on its address stops answering at once. */
  async kill(): Promise<void> {
    this.#alive = false;
    await this.web.stop();
    await this.reporter?.stop();
  }

  visits(where: { readonly path?: string; readonly host?: string } = {}): readonly AccessLine[] {
    return this.web.visits(where);
  }
}
