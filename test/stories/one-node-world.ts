import type { Program } from "../lab/process.ts";
import { HOSTNAME, PORTS, smallNetwork, smallNode, upArgs, ZONE } from "../lab/small-network.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";
import { ask } from "./edge-stage.ts";

/** A whole network of one node, with a web server behind it, as an operator starts it. */
export interface OneNode {
  readonly running: Program;
  readonly api: Api;
  /** As it was applied. */
  readonly network: Readonly<Record<string, unknown>>;
  /** An address of this network's own, by its last number. */
  readonly at: (last: number) => string;
  /** What a command needs to talk to it. */
  readonly flags: readonly string[];
  /** Asks its cache for an object of the site. */
  get(path: string): ReturnType<typeof ask>;
  stop(): Promise<void>;
}

/** @param o.node further settings of its node file */
export async function startOneNode(o: {
  readonly answer: () => Response;
  readonly node?: Readonly<Record<string, unknown>>;
}): Promise<OneNode> {
  const folder = new Folder();
  const at = loopback();
  const control = `http://${at(1)}:${PORTS.control}`;
  const origin = Bun.serve({ hostname: at(2), port: PORTS.origin, fetch: o.answer });
  const node = { ...smallNode({ address: at(1), data: folder.join("data") }), ...o.node };
  const running = startTurnpike(upArgs(folder, "node", node));
  async function stop(): Promise<void> {
    await running.kill();
    await origin.stop(true);
    folder.remove();
  }
  try {
    await running.says("ready");
    const api = new Api(control);
    const token = await api.signIn();
    const network = smallNetwork({ address: at(1), origins: [at(2)] });
    await api.must("POST", "/apply", { network });
    return {
      running,
      api,
      network,
      at,
      flags: ["--server", control, "--token", token],
      get(path) {
        const url = `http://c.${ZONE}/${HOSTNAME}${path}`;
        return ask({ address: at(1), port: PORTS.http }, url, { fields: {}, method: "GET" });
      },
      stop,
    };
  } catch (fault) {
    await stop();
    throw fault;
  }
}
