import { Program, run } from "./process.ts";

const SERVE = `
  const [port] = process.argv.slice(-1);
  Bun.serve({ hostname: "0.0.0.0", port: Number(port), fetch: () =>
    new Response("ok", { headers: { "cache-control": "max-age=60" } }) });
  console.log("serving");
`;

/**
 * Web servers behind a link of their own, in a network namespace: what is sent to one that was taken
 * off is dropped on the far side without a word, as by a machine that lost its power. Needs root.
 */
export class FarSide {
  readonly #namespace: string;
  readonly #link: string;
  readonly #mac: string;
  readonly #port: number;
  #server: Program | null = null;

  private constructor(o: { namespace: string; link: string; mac: string; port: number }) {
    this.#namespace = o.namespace;
    this.#link = o.link;
    this.#mac = o.mac;
    this.#port = o.port;
  }

  static async make(addresses: readonly string[], port: number): Promise<FarSide> {
    const namespace = `turnpike-far-${process.pid}`;
    const link = `tpfar${process.pid % 1_000_000}`;
    const far = `${link}x`;
    await run(["ip", "netns", "add", namespace]);
    await run(["ip", "link", "add", link, "type", "veth", "peer", "name", far]);
    await run(["ip", "link", "set", far, "netns", namespace]);
    for (const command of [
      ["ip", "link", "set", link, "up"],
      ["ip", "-n", namespace, "link", "set", "lo", "up"],
      ["ip", "-n", namespace, "link", "set", far, "up"],
    ]) {
      await run(command);
    }
    const shown = await run(["ip", "-n", namespace, "-br", "link", "show", far]);
    const mac = /([0-9a-f]{2}:){5}[0-9a-f]{2}/.exec(shown)?.[0] ?? "";
    const made = new FarSide({ namespace, link, mac, port });
    await made.#reach(addresses);
    return made;
  }

  async #reach(addresses: readonly string[]): Promise<void> {
    const near = "198.18.255.254";
    await run(["ip", "addr", "add", `${near}/32`, "dev", this.#link]);
    await this.#inside("route", "add", `${near}/32`, "dev", `${this.#link}x`);
    for (const address of addresses) {
      await run(["ip", "route", "add", `${address}/32`, "dev", this.#link, "src", near]);
      // Known for good, so that a server that is gone is not even missed by the link.
      const neighbour = [address, "lladdr", this.#mac, "dev", this.#link, "nud", "permanent"];
      await run(["ip", "neigh", "replace", ...neighbour]);
      await this.on(address);
    }
    const command = [process.execPath, "-e", SERVE, String(this.#port)];
    const inside = ["ip", "netns", "exec", this.#namespace, ...command];
    this.#server = new Program(inside, { name: "the far side" });
    await this.#server.says("serving");
  }

  #inside(...args: readonly string[]): Promise<string> {
    return run(["ip", "-n", this.#namespace, ...args]);
  }

  async on(address: string): Promise<void> {
    await this.#inside("addr", "add", `${address}/32`, "dev", `${this.#link}x`);
  }

  async off(address: string): Promise<void> {
    await this.#inside("addr", "del", `${address}/32`, "dev", `${this.#link}x`);
  }

  async close(): Promise<void> {
    await this.#server?.kill();
    await run(["ip", "link", "del", this.#link]).catch(() => {});
    await run(["ip", "netns", "del", this.#namespace]).catch(() => {});
  }
}
