import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { startControl } from "../../control/mod.ts";
import { type NodeFile, splitHostPort } from "../../model/node-file.ts";
import { portalHandler } from "../../portal/mod.ts";
import { startFeed } from "./feed.ts";
import { makeFolder } from "./folder.ts";
import { stubResolver } from "./resolver.ts";
import type { Started, World } from "./start.ts";

/** Starts the control role and the portal in this process. */
export async function startControlProcess(file: NodeFile, world: World): Promise<Started> {
  const { bus, clock, rng } = world;
  const log = world.log.with({ node: file.name, role: "control" });
  const dataDir = join(file.data, "control");
  await makeFolder(dataDir);
  const feed = await startFeed({ node: `${file.name}/control`, dir: null, bus, clock, log });
  const operator = await operatorOf(file, dataDir, world);
  const portal = await portalHandler({ clock });
  const listen = splitHostPort(file.listen.control);
  const resolver = stubResolver({ servers: file.resolvers, rng });
  const o = { dataDir, listen, bus, feed, operator, portal, resolver, clock, rng, log };
  const control = await startControl(o);
  return {
    listens: { control: control.url },
    stop: async () => {
      await control.stop();
      feed.stop();
    },
  };
}

/** The operator's account: as the node file says, or with a password made once and kept in a file. */
async function operatorOf(file: NodeFile, dataDir: string, world: World) {
  const { email, password } = file.operator;
  if (password !== undefined) return { email, password };
  const path = join(dataDir, "operator-password");
  const kept = await readFile(path, "utf8").catch(() => null);
  if (kept !== null) return { email, password: kept.trim() };
  const made = Buffer.from(world.rng.bytes(15)).toString("base64url");
  await writeFile(path, `${made}\n`, { mode: 0o600 });
  world.log.info(`Made the operator's password; it is in ${path}`, { email });
  return { email, password: made };
}
