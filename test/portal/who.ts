import type { WhoView } from "../../src/model/api/mod.ts";
import type { World } from "./world.ts";

const PLACES = ["berlin", "paris", "oslo", "madrid", "vienna", "lisbon"];

/** Who gets a server: six client groups, one of them for another reason; nobody gets web-3. */
export function whoOf(world: World, server: string, at: string | undefined): WhoView {
  const node = !server.includes(".");
  const places = server.endsWith("/web-3") ? [] : PLACES;
  const detail = node
    ? "rtt 12.0 ms, load 0.410 by cpu, cost 17.3 ms"
    : "projected 0.310, measured 0.300 by cpu";
  const groups = places.map((group, i) => ({
    group,
    share: 1,
    lookupsPerSec: 40 - 6 * i,
    reason: i === 2 ? (node ? "hashed" : "within-margin") : node ? "lowest-in-both" : "lowest-load",
    detail,
  }));
  return {
    server,
    ...(at === undefined ? {} : { at }),
    snapshot: world.snapshot,
    health: 812,
    assignment: 812,
    name: node ? "c.cdn.example" : "www.shop.example",
    demand: at === undefined ? "recorded" : "alike",
    share: groups.length === 0 ? 0 : 0.62,
    groupsInAll: 9,
    groupsOfIt: groups.length,
    groups,
    reasons:
      groups.length === 0
        ? []
        : [
            { filter: "healthy", reason: "healthy", groups: 6, share: 0.62 },
            { filter: "lowest-load", reason: "lowest-load", groups: 5, share: 0.5 },
            { filter: "lowest-load", reason: "within-margin", groups: 1, share: 0.12 },
          ],
    ...(node ? { sites: { names: ["www.shop.example"], held: 1, inAll: 2 } } : {}),
    missShare: node ? null : 0.5,
  };
}
