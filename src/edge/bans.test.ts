import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Purge } from "../model/purge.ts";
import { Bans } from "./bans.ts";

const dirs: string[] = [];
afterEach(() => {
  for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true });
});

function fresh(): { readonly bans: Bans; readonly path: string } {
  const dir = mkdtempSync(join(tmpdir(), "turnpike-bans-"));
  dirs.push(dir);
  const path = join(dir, "bans.json");
  return { bans: new Bans(path, 0), path };
}

/** What is said of an object with this tag and group, stored before any purge. */
function said(bans: Bans, customer: string, o: { site?: string; tag?: string; group?: string }) {
  const { site = "site-0", tag = "kept", group = "kept" } = o;
  const fields = [["xkey", tag] as const, ["cache-groups", `"${group}"`] as const];
  return bans.of({ customer, site, path: "/", fields, receivedMs: 1, purge: 0, groupEnds: 0 });
}

/** Of so many sites so many tags each, purged in turn. */
function tags(customer: string, sites: number, each: number, long = ""): Omit<Purge, "number">[] {
  return Array.from({ length: sites * each }, (_, i) => {
    const path = `tag-${Math.floor(i / sites)}${long}`;
    return { atMs: 1, customer, site: `site-${i % sites}`, path, scope: "tag" };
  });
}

function numbered(...purges: readonly Omit<Purge, "number">[]): Purge[] {
  return purges.map((purge, i) => ({ ...purge, number: i + 1 }));
}

test("who purges very many tags purges nothing of another customer's, and all that it names", async () => {
  const { bans, path } = fresh();
  const of = numbered(...tags("shop", 3, 2), ...tags("noisy", 60, 400));
  await bans.add(of);
  expect(said(bans, "shop", {})).toBeNull();
  expect(said(bans, "shop", { tag: "tag-1" })).toBe("hard");
  const again = new Bans(path, 0);
  expect(said(again, "shop", {})).toBeNull();
  for (const { customer, site, path: tag } of of) {
    expect(said(again, customer, { site, tag })).toBe("hard");
  }
});

test("whose web servers end very many cache groups ends nothing of another customer's", async () => {
  const { bans } = fresh();
  const saved = [bans.endGroups({ customer: "shop", site: "site-0" }, ["mine", "own"])];
  saved.push(bans.add(numbered(...tags("shop", 1, 2))));
  for (let i = 0; i < 60; i++) {
    const groups = Array.from({ length: 400 }, (_, n) => `group-${n}`);
    saved.push(bans.endGroups({ customer: "noisy", site: `site-${i}` }, groups));
  }
  await Promise.all(saved);
  expect(said(bans, "shop", {})).toBeNull();
  expect(said(bans, "shop", { group: "mine" })).toBe("hard");
  expect(said(bans, "shop", { tag: "tag-0" })).toBe("hard");
  expect(said(bans, "noisy", { site: "site-59", group: "group-399" })).toBe("hard");
});

test("long names take no more room than short ones: beyond it they become a purge of the site", async () => {
  const { bans, path } = fresh();
  const long = "x".repeat(8_000);
  const of = numbered(...tags("shop", 1, 2), ...tags("noisy", 10, 400, long));
  await bans.add(of);
  expect(statSync(path).size).toBeLessThan(4_000_000);
  expect(said(bans, "shop", {})).toBeNull();
  for (const { customer, site, path: tag } of of) {
    expect(said(bans, customer, { site, tag })).toBe("hard");
  }
});

test("an object's tags are read once for each purge of its site", async () => {
  const { bans } = fresh();
  let reads = 0;
  const meta = {
    ...{ customer: "shop", site: "site-0", path: "/", receivedMs: 1, purge: 0, groupEnds: 0 },
    get fields() {
      reads++;
      return [["xkey", "tag-1"] as const];
    },
  };
  expect([bans.of(meta), reads]).toEqual([null, 0]);
  await bans.add(numbered(...tags("shop", 1, 1)));
  const once = [bans.of(meta), reads];
  expect([bans.of(meta), reads, once[0]]).toEqual([null, once[1]!, null]);
  await bans.add(numbered(...tags("shop", 1, 2)));
  expect(bans.of(meta)).toBe("hard");
  await bans.endGroups({ customer: "shop", site: "site-0" }, ["other"]);
  expect(bans.of(meta)).toBe("hard");
});
