/** A process of a node asks control for the secrets that it has a use for, and no others (T8). */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLog } from "../../base/log.ts";
import { realClock } from "../../base/real/clock.ts";
import { seededRng } from "../../base/rng.ts";
import { type Bus, LocalBus } from "../../bus/mod.ts";
import { nodeFile } from "../../model/node-file.ts";
import type { ChildCrew } from "../crew.ts";
import { crewOf } from "../crew.ts";
import { selfSigned } from "../demo/certificate.ts";
import { startNode } from "./start.ts";

const folder = mkdtempSync(join(tmpdir(), "turnpike-start-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { cert, key } = selfSigned(["c.cdn.example"], new Date());
const tls = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
writeFileSync(tls.cert, cert);
writeFileSync(tls.key, key);

const HTTP = "127.81.61.1:8081";
const HTTPS = "127.81.61.1:8444";
const file = (listen: object, workers = 1) =>
  nodeFile.parse({
    ...{ name: "lon-1", pop: "lon", data: join(folder, "data"), roles: ["edge"] },
    ...{ listen: { http: HTTP, ...listen }, tls, cache: { memoryMiB: 1, diskMiB: 1, workers } },
  });

/** What a process of this node asks control for. */
async function askedBy(of: ReturnType<typeof file>, crew?: ChildCrew): Promise<string[]> {
  const asked = new Set<string>();
  const bus = new (class extends LocalBus {
    override request: Bus["request"] = (subject, ask, ms) => {
      asked.add(subject);
      return super.request(subject, ask, ms);
    };
  })();
  const world = { bus, clock: realClock, rng: seededRng(7), log: silentLog };
  const started = await startNode(of, world, crew === undefined ? {} : { crew });
  await started.stop();
  return [...asked].filter((subject) => /keys|credentials|certificates/.test(subject)).sort();
}

const OTHERS = ["origin.credentials", "signing.keys", "tier.keys"];

test("a cache asks for the keys of certificates where it answers over TLS", async () => {
  expect(await askedBy(file({ https: HTTPS }))).toEqual(["certificates.index", ...OTHERS]);
  expect(await askedBy(file({}))).toEqual(OTHERS);
});

test("of a cache with several processes those that have clients ask for them", async () => {
  const crew = crewOf(file({ https: HTTPS }, 2));
  const asked: Record<string, readonly string[]> = {};
  for (const { name, file, crew: part } of crew.members) asked[name] = await askedBy(file, part);
  crew.remove();
  const all = ["certificates.index", ...OTHERS];
  expect(asked).toEqual({
    ...{ "lon-1/cache": OTHERS, "lon-1/cache-1": all, "lon-1/cache-2": all },
  });
});
