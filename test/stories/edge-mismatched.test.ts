// A stored file that stands where another customer's belongs, or that says it is another's, is served to nobody (T9).
import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { BlockTable, decodeFile, encodeTail } from "../../src/edge/cache/disk-format.ts";
import { hashKey } from "../../src/edge/cache/disk-name.ts";
import { nameHash } from "../../src/edge/cache/evict/mod.ts";
import { type ObjectMeta, sealMeta } from "../../src/edge/cache/mod.ts";
import { Stage, snapshotOf, startOrigin } from "./edge-stage.ts";

const NET = "127.88.8";
const ANNA = { customer: "anna", hostname: "www.anna.example" };
const BERT = { customer: "bert", hostname: "www.bert.example" };
const BOTH = [ANNA, BERT];
/** In memory and on disk, on disk only, and in parts of which one is held. */
const SMALL = "/small";
const LARGE = "/large";
const PART = "/part";
const LARGE_BYTES = 1_500_000;
const PART_BYTES = 4_000_000;

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Both customers' objects are on one disk, and nothing of them is in memory. */
async function world(host: string) {
  let said = "held";
  const origin = startOrigin(`${NET}.1`, 0, (request) => {
    const whose = `${request.headers.get("host")!.split(":")[0]} ${said} `;
    const headers = { "cache-control": "max-age=600", etag: '"1"', "content-type": "text/plain" };
    const { pathname } = new URL(request.url);
    if (pathname !== PART) {
      return new Response(pathname === SMALL ? whose : whose.padEnd(LARGE_BYTES, whose), {
        headers,
      });
    }
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "")!;
    const bytes = whose.padEnd(Number(last) + 1 - Number(first), whose);
    const where = { "content-range": `bytes ${first}-${last}/${PART_BYTES}` };
    return new Response(bytes, { status: 206, headers: { ...headers, ...where } });
  });
  ends.push(() => origin.stop());
  const origins = [{ name: "o1", v4: origin.address, port: origin.port }];
  const sites = BOTH.map((one) => ({
    ...one,
    port: origin.port,
    front: "caches" as const,
    origins,
  }));
  const stage = await new Stage(snapshotOf(sites), `${NET}.${host}`).start();
  ends.push(() => stage.stop());
  const get = (of: typeof ANNA, path: string) =>
    stage.get(`http://${of.hostname}${path}`, path === PART ? { range: "bytes=0-99" } : {});
  for (const one of BOTH) {
    for (const path of [SMALL, SMALL, LARGE, PART]) {
      expect((await get(one, path)).text).toStartWith(`${one.hostname} held `);
    }
  }
  await stage.edge.stop();
  said = "asked again";
  const files = filesOf(join(stage.dir, "cache"));
  expect(files.map(({ meta }) => `${meta.customer} ${meta.path}`).sort()).toEqual(
    BOTH.flatMap(({ customer }) => [LARGE, PART, SMALL].map((path) => `${customer} ${path}`)),
  );
  return {
    ...{ origin, get, files },
    /** The cache on what is there now. */
    again: async () => {
      await stage.start();
      origin.log.length = 0;
    },
  };
}

interface File {
  readonly path: string;
  readonly meta: ObjectMeta;
  readonly body: Uint8Array;
}

function filesOf(folder: string): File[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => {
    if (!entry.isFile() || !/^[0-9a-f]{32}-/.test(entry.name)) return [];
    const path = join(entry.parentPath, entry.name);
    const whole = decodeFile(new Uint8Array(readFileSync(path)));
    return whole === null ? [] : [{ path, ...whole }];
  });
}

/** The same with other words about it, as whole as it was. */
function rewrite({ path, meta, body }: File, more: Partial<ObjectMeta>): void {
  const table = new BlockTable();
  table.add(body);
  const tail = encodeTail(sealMeta({ ...meta, ...more }), table.finish());
  writeFileSync(path, Buffer.concat([body, tail]));
  const parts = path.split("-");
  parts[parts.length - 3] = (body.byteLength + tail.byteLength).toString(36);
  renameSync(path, parts.join("-"));
}

test("files under each other's names: each customer gets its own again, from its web server", async () => {
  const { origin, get, files, again } = await world("9");
  // All to names that nobody has, then to each other's: what is in a file and how long it is stays.
  const moves = files.map(({ path, meta }, i) => {
    const other = BOTH.find(({ customer }) => customer !== meta.customer)!;
    const hash = hashKey(meta.key.replaceAll(meta.customer, other.customer));
    const [, variant, bytes, sec] = path.slice(path.lastIndexOf("/") + 1).split("-");
    const name = [hash, variant, bytes, sec, nameHash(other.customer).toString(36)].join("-");
    const aside = join(dirname(path), `${i}`);
    renameSync(path, aside);
    const to = join(dirname(dirname(path)), hash.slice(0, 2), name);
    return { aside, to, known: files.some((file) => file.path.includes(`/${hash}-`)) };
  });
  expect(moves.map(({ known }) => known)).toEqual(moves.map(() => true));
  for (const { aside, to } of moves) renameSync(aside, to);
  await again();
  for (const one of BOTH) {
    for (const path of [SMALL, LARGE, PART]) {
      expect((await get(one, path)).text).toStartWith(`${one.hostname} asked again `);
    }
  }
  expect(origin.log.length).toBe(6);
});

test("files that say that they are another customer's are not served, however often they are asked for", async () => {
  const { get, files, again } = await world("10");
  for (const file of files) {
    rewrite(file, { customer: file.meta.customer === "anna" ? "bert" : "anna" });
  }
  await again();
  for (let turn = 0; turn < 3; turn++) {
    for (const one of BOTH) {
      for (const path of [SMALL, LARGE, PART]) {
        const { status, text } = await get(one, path);
        // A worker that gets no answer of its keeper's asks the web server itself.
        const isOwn = text.startsWith(`${one.hostname} asked again `);
        expect([path, status === 500 || isOwn, text.includes("held")]).toEqual([path, true, false]);
      }
    }
  }
});

test("files that were written again as they were are served: the two above are refused for what they say", async () => {
  const { origin, get, files, again } = await world("11");
  for (const file of files) rewrite(file, {});
  await again();
  for (const one of BOTH) {
    for (const path of [SMALL, LARGE, PART]) {
      expect((await get(one, path)).text).toStartWith(`${one.hostname} held `);
    }
  }
  expect(origin.log).toEqual([]);
});
