/** Keys that an older version left on disk in the open do not outlast the upgrade (T8). */
import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Log, silentLog } from "../../base/log.ts";
import { realClock } from "../../base/real/clock.ts";
import { seededRng } from "../../base/rng.ts";
import { LocalBus } from "../../bus/mod.ts";
import { nodeFile } from "../../model/node-file.ts";
import { sealPlainCopies } from "./plain-copies.ts";
import { secretWorld } from "./secret-world.fixture.ts";
import { startNode } from "./start.ts";
import { startExtrasFeed } from "./zone-extras.ts";
import { startKeyFeed } from "./zone-keys.ts";

const KEYS = {
  digest: "one",
  keys: [
    {
      ...{ zone: "shop.example", algorithm: 13, state: "active" },
      ...{ publicKey: "cHVibGlj", privateKey: "dGhlIHByaXZhdGUga2V5" },
    },
  ],
};
const EXTRAS = {
  digest: "two",
  tsig: [
    {
      ...{ name: "xfr.", customer: "shop", use: "transfer" },
      ...{ algorithm: "hmac-sha256", secret: "YSB0c2lnIHNlY3JldA==" },
    },
  ],
  challenges: [],
};
const SECRETS = [KEYS.keys[0]!.privateKey, EXTRAS.tsig[0]!.secret];

let dir: string;
const faults: string[] = [];
const log: Log = { ...silentLog, error: (words: string) => faults.push(words) };
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "turnpike-plain-"));
  faults.length = 0;
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function put(name: string, what: unknown): void {
  writeFileSync(join(dir, name), typeof what === "string" ? what : JSON.stringify(what));
}

const seal = () => sealPlainCopies({ dataDir: dir, rng: seededRng(5), log });

/** What a name server that starts without control signs with, and lets fetch. */
async function held() {
  const world = secretWorld(dir, new LocalBus());
  const keys = await startKeyFeed(world);
  const extras = await startExtrasFeed(world);
  keys.stop();
  extras.stop();
  return {
    keys: keys.keys().map((key) => key.privateKey),
    tsig: extras.extras().tsig.map((key) => key.secret),
  };
}

/** Names of files that hold a secret as it was written. */
function openFiles(): string[] {
  const files = readdirSync(dir, { withFileTypes: true }).filter((one) => one.isFile());
  return files
    .map(({ name }) => name)
    .filter((name) => {
      const octets = readFileSync(join(dir, name));
      return SECRETS.some((secret) => octets.includes(secret));
    });
}

test("plain keys of an older version are sealed at the start, and the node has them with control dead", async () => {
  put("zone-keys.json", KEYS);
  put("zone-extras.json", EXTRAS);
  put("zone-keys.json.tmp", JSON.stringify(KEYS).slice(0, -3));
  // A second name shows what becomes of the file's blocks when its first is gone.
  linkSync(join(dir, "zone-keys.json"), join(dir, "blocks"));
  await seal();
  expect(openFiles()).toEqual([]);
  expect(readdirSync(dir).filter((name) => name.includes("json"))).toEqual([]);
  expect(await held()).toEqual({ keys: [SECRETS[0]!], tsig: [SECRETS[1]!] });
  expect(faults).toEqual([]);
});

test("keys that are sealed already are newer than plain ones, which go; so does what cannot be read", async () => {
  put("zone-keys.json", KEYS);
  put("zone-extras.json", EXTRAS);
  await seal();
  const older = { ...KEYS, keys: [{ ...KEYS.keys[0]!, privateKey: "b2xkZXI=" }] };
  put("zone-keys.json", older);
  put("zone-extras.json", `${SECRETS[1]} and no JSON`);
  await seal();
  expect(readdirSync(dir).filter((name) => name.includes("json"))).toEqual([]);
  expect(await held()).toEqual({ keys: [SECRETS[0]!], tsig: [SECRETS[1]!] });
});

test("plain keys that cannot be sealed stay, with an error in the log: the node would lose them", async () => {
  put("zone-keys.json", KEYS);
  mkdirSync(join(dir, "zone-keys.sealed"));
  await seal();
  expect(openFiles()).toEqual(["zone-keys.json"]);
  expect(faults).toEqual(["Keys lie on disk in the open and cannot be sealed"]);
});

test("a node does so at its start, whatever it does now", async () => {
  const node = join(dir, "node");
  mkdirSync(node);
  put("node/zone-keys.json", KEYS);
  const file = nodeFile.parse({ name: "lon-1", pop: "lon", data: dir, roles: ["probe"] });
  const bus = new LocalBus();
  const started = await startNode(file, { bus, clock: realClock, rng: seededRng(6), log });
  await started.stop();
  expect(readdirSync(node)).not.toContain("zone-keys.json");
  expect(readdirSync(node)).toContain("zone-keys.sealed");
});
