import { expect, test } from "bun:test";
import { SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { nodesBefore, publishOrder } from "./publish-order.ts";

type File = typeof SMALL;

function changed(edit: (file: File) => void) {
  const file = structuredClone(SMALL);
  edit(file);
  return snapshotOf(file, 2);
}

const small = snapshotOf(SMALL, 1);
const site = (file: File) => file.customers[0]!.sites[0]!;
const more = changed((file) => {
  file.customers[0]!.sites.push({ ...structuredClone(site(file)), hostname: "new.shop.example" });
});

test("a new site reaches caches first, and a removed one leaves names first", () => {
  expect(publishOrder(small, more)).toBe("caches-first");
  expect(publishOrder(more, small)).toBe("names-first");
});

test("a change that gives caches no new name and takes none needs no order", () => {
  expect(publishOrder(null, small)).toBe("any");
  expect(publishOrder(small, snapshotOf(SMALL, 2))).toBe("any");
  const weighted = changed((file) => {
    Object.assign(site(file).origins[0]!, { weight: 7 });
  });
  expect(publishOrder(small, weighted)).toBe("any");
});

test("an alias, and caches in front of the first address, are names that caches must know", () => {
  const alias = changed((file) => {
    Object.assign(site(file), { cache: { aliases: ["static.shop.example"] } });
  });
  const front = changed((file) => {
    Object.assign(site(file), { front: "caches" });
  });
  expect(publishOrder(small, alias)).toBe("caches-first");
  expect(publishOrder(small, front)).toBe("caches-first");
  expect(publishOrder(front, small)).toBe("names-first");
  expect(publishOrder(front, alias)).toBe("caches-first");
});

test("name servers wait for the nodes with a cache, caches for those with a name server", () => {
  const caches = small.nodes.filter((node) => node.roles.includes("edge")).map((n) => n.name);
  const servers = small.nodes.filter((node) => node.roles.includes("dns")).map((n) => n.name);
  expect(caches.length).toBeGreaterThan(0);
  expect(nodesBefore("dns", small, more)).toEqual(caches);
  expect(nodesBefore("edge", small, more)).toEqual([]);
  expect(nodesBefore("edge", more, small)).toEqual(servers);
  expect(nodesBefore("dns", more, small)).toEqual([]);
});
