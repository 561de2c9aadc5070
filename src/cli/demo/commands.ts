import type { Ports } from "./layout.ts";
import type { Reporter } from "./origin/origin.ts";
import type { World } from "./world.ts";

/** What a command did, in a line for people; null when there is no such command. */
export type CommandOutcome = string | null;

export interface Commands {
  readonly url: string;
  /** Runs `origin/shop/fra/cpu/0.9` and the like. */
  run(command: string): Promise<CommandOutcome>;
  stop(): Promise<void>;
}

const FRACTION = /^(0(\.\d{1,4})?|1(\.0{1,4})?)$/;
const MILLISECONDS = /^\d{1,5}$/;

/**
 * Commands that change the simulated world, over HTTP on loopback so that `curl` is enough.
 * `held` gains what a person has set; the demo's own schedule leaves that alone.
 */
export function startCommands(o: {
  readonly world: World;
  readonly ports: Ports;
  readonly held: Set<string>;
}): Commands {
  const run = (command: string) => runCommand(o, command);
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: o.ports.command,
    async fetch(request) {
      const path = new URL(request.url).pathname.slice(1);
      if (request.method === "GET" && path === "") return Response.json(state(o.world));
      if (request.method !== "POST" || request.headers.has("origin"))
        return new Response(`${HELP}\n`, { status: 405 });
      const outcome = await run(path);
      return outcome === null
        ? new Response(`${HELP}\n`, { status: 404 })
        : new Response(`${outcome}\n`);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    run,
    stop: () => server.stop(true),
  };
}

const HELP = `POST one of: origin/CUSTOMER/NAME/cpu/0..1  .../memory/0..1  .../ftp/MS  .../delay/MS
.../kill  .../revive   node/NAME/cpu/0..1  .../memory/0..1  .../ftp/MS   calm`;

function state(world: World): Record<string, unknown> {
  const reported = (r: Reporter | null) =>
    r === null ? null : { ...r.machine.load, ftpDelayMs: r.ftpDelayMs };
  return {
    origins: Object.fromEntries(
      [...world.origins].map(([id, o]) => [
        id,
        {
          address: o.address,
          alive: o.alive,
          delayMs: o.web.delayMs,
          visits: o.visits().length,
          reports: reported(o.reporter),
        },
      ]),
    ),
    nodes: Object.fromEntries([...world.nodes].map(([name, r]) => [name, reported(r)])),
  };
}

interface Scene {
  readonly world: World;
  readonly held: Set<string>;
}

async function runCommand(o: Scene, command: string): Promise<CommandOutcome> {
  const words = command.split("/");
  if (command === "calm") {
    o.world.calm();
    o.held.clear();
    return "all at rest again";
  }
  if (words[0] === "node") {
    const [, name = "", what = "", value = ""] = words;
    const node = o.world.nodes.get(name);
    return node === undefined ? null : setReporter(node, { id: name, what, value });
  }
  if (words[0] !== "origin") return null;
  const [, customer = "", name = "", what = "", value = ""] = words;
  const id = `${customer}/${name}`;
  const outcome = await setOrigin(o, id, { what, value });
  if (outcome !== null) o.held.add(id);
  return outcome;
}

async function setOrigin(
  o: Scene,
  id: string,
  { what, value }: { readonly what: string; readonly value: string },
): Promise<CommandOutcome> {
  const origin = o.world.origins.get(id);
  if (origin === undefined) return null;
  if (what === "kill") {
    await origin.kill();
    return `${id} (${origin.address}) is dead`;
  }
  if (what === "revive") {
    origin.revive();
    return `${id} (${origin.address}) is alive`;
  }
  if (what === "delay" && MILLISECONDS.test(value)) {
    origin.web.delayMs = Number(value);
    return `${id} answers HTTP ${value} ms late`;
  }
  return origin.reporter === null ? null : setReporter(origin.reporter, { id, what, value });
}

function setReporter(
  reporter: Reporter,
  { id, what, value }: { readonly id: string; readonly what: string; readonly value: string },
): CommandOutcome {
  if ((what === "cpu" || what === "memory") && FRACTION.test(value)) {
    reporter.machine.set({ [what]: Number(value) });
    return `${id} reports ${what} at ${value}`;
  }
  if (what === "ftp" && MILLISECONDS.test(value)) {
    reporter.ftpDelayMs = Number(value);
    return `${id} greets by FTP ${value} ms late`;
  }
  return null;
}
