import { Program, run, until } from "./process.ts";
import type { Folder } from "./turnpike.ts";

/** A certificate authority for tests (Debian's `pebble`), on an address of its own. */
export class Pebble {
  readonly #o: PebbleOptions;
  #program: Program | null = null;
  /** PEM: who vouches for its directory. */
  ca = "";

  constructor(o: PebbleOptions) {
    this.#o = o;
  }

  get directory(): string {
    return `https://${this.#o.address}:14000/dir`;
  }

  /** Its directory answers when this resolves. What it issued before is forgotten. */
  async start(): Promise<void> {
    const { address, folder, dns, httpPort = 80, validitySec, env = {} } = this.#o;
    const [cert, key] = [folder.join("pebble.pem"), folder.join("pebble.key")];
    if (this.ca === "") await this.#makeOwn(cert, key);
    const pebble = {
      listenAddress: `${address}:14000`,
      managementListenAddress: `${address}:15000`,
      ...{ certificate: cert, privateKey: key, httpPort, tlsPort: 5001, ocspResponderURL: "" },
      externalAccountBindingRequired: this.#o.eab !== undefined,
      ...(this.#o.eab === undefined ? {} : { externalAccountMACKeys: this.#o.eab }),
      ...(validitySec === undefined ? {} : { certificateValidityPeriod: validitySec }),
    };
    const config = folder.file("pebble.json", JSON.stringify({ pebble }));
    const command = ["pebble", "-config", config, "-dnsserver", dns];
    this.#program = new Program(command, { env: { PEBBLE_VA_NOSLEEP: "1", ...env } });
    const program = this.#program;
    await until(
      async () => {
        if (!program.running) throw new Error(program.output);
        return (await fetch(this.directory, { tls: { ca: this.ca } })).ok;
      },
      { what: "the authority to answer", withinMs: 20_000 },
    );
  }

  /** PEM: who vouches for what it issues, since its last start. */
  async root(): Promise<string> {
    const url = `https://${this.#o.address}:15000/roots/0`;
    return (await fetch(url, { tls: { ca: this.ca } })).text();
  }

  get output(): string {
    return this.#program?.output ?? "";
  }

  async stop(): Promise<void> {
    await this.#program?.kill();
  }

  async #makeOwn(cert: string, key: string): Promise<void> {
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"];
    const names = ["-subj", "/CN=Pebble", "-addext", `subjectAltName=IP:${this.#o.address}`];
    await run(["openssl", "req", "-x509", ...kind, ...names, "-keyout", key, "-out", cert]);
    this.ca = await Bun.file(cert).text();
  }
}

export interface PebbleOptions {
  readonly address: string;
  readonly folder: Folder;
  /** Where it looks names up: `host:port`. */
  readonly dns: string;
  /** Where it looks at pages. */
  readonly httpPort?: number;
  readonly validitySec?: number;
  /** Accounts that it knows, with their keys in base64url: others are refused. */
  readonly eab?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
}
