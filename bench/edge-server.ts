// Our cache as shipped, in a process of its own, for bench/edge.ts: a table of sites, metering and
// live figures on, limits as they are. Arguments: listen address, origin's address, its port, bytes of
// memory for objects. Prints its ports as JSON.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "../src/base/assert.ts";
import { realClock } from "../src/base/real/clock.ts";
import { jsonLog } from "../src/base/real/log.ts";
import { realRng } from "../src/base/real/rng.ts";
import { LocalBus } from "../src/bus/mod.ts";
import { selfSigned } from "../src/cli/demo/certificate.ts";
import { startMeter } from "../src/cli/node/meter.ts";
import { startEdge } from "../src/edge/mod.ts";
import { NO_ASSIGNMENT } from "../src/model/assignment.ts";
import type { Feed } from "../src/model/feed.ts";
import { NO_HEALTH } from "../src/model/health.ts";
import { network } from "../src/model/network.ts";
import { compile } from "../src/policy/snapshot/mod.ts";

const SITES = 1000;
const [address = "127.0.0.1", originAddress = "127.0.0.1", originPort = "80", memory] =
  process.argv.slice(2);
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hostnames = Array.from({ length: SITES }, (_, i) => `www.shop-${i}.example`);
const origins = [{ name: "o1", v4: originAddress, port: Number(originPort) }];
const compiled = compile({
  intent: {
    network: network.parse({
      zone: "cdn.example",
      allowPrivateOrigins: true,
      pops: [{ name: "here" }],
      nodes: [{ name: "edge-1", pop: "here", roles: ["edge"], addresses: { v4: address } }],
      plans: [{ kind: "fixed", name: "flat", title: "Flat", currency: "EUR", monthly: "1.00" }],
      customers: [
        { name: "shop", plan: "flat", sites: hostnames.map((h) => ({ hostname: h, origins })) },
      ],
    }),
    version: 1,
    targets: Object.fromEntries(hostnames.map((h) => [h, sha256(h).slice(0, 32)])),
  },
  number: 1,
  createdAtMs: 0,
  sha256,
});
assert(compiled.ok, "The bench's network is valid");
const snapshot = compiled.value;
const feed: Feed = {
  snapshot: () => snapshot,
  health: () => NO_HEALTH,
  assignment: () => NO_ASSIGNMENT,
  onSnapshot: () => () => {},
  onHealth: () => () => {},
};
const dir = mkdtempSync(join(tmpdir(), "turnpike-bench-edge-"));
const bus = new LocalBus();
bus.respond("purge.since", () => ({ latest: 0, purges: [] }));
bus.respond("usage.batch", () => ({ taken: true }));
const log = jsonLog("warn");
const common = { node: "edge-1", bus, clock: realClock, rng: realRng, log };
const metering = await startMeter({ ...common, dataDir: join(dir, "meter") });
const edge = await startEdge({
  ...common,
  listen: { hosts: [address], http: 0, https: 0 },
  tls: selfSigned(["cdn.example"], new Date()),
  dataDir: join(dir, "edge"),
  memoryBytesMax: Number(memory ?? 512 * 1024 * 1024),
  diskBytesMax: 1024 * 1024 * 1024,
  feed,
  meter: metering.meter,
});
setInterval(() => edge.drainStats(), 1000);
const end = async () => {
  // Whoever still writes there would leave what it wrote.
  await edge.stop();
  await metering.stop();
  rmSync(dir, { recursive: true, force: true });
  process.exit(0);
};
process.on("SIGTERM", end);
process.stdout.write(`${JSON.stringify({ http: edge.httpPort, https: edge.httpsPort })}\n`);
