import type { Command } from "commander";
import { findZone, listZones } from "./find-zone.ts";
import { noun, table, verb } from "./verb.ts";
import { registerZoneClaims } from "./zone-claim.ts";
import { registerZoneImport } from "./zone-import.ts";
import { registerZoneSet } from "./zone-set.ts";
import { registerZoneTransfer } from "./zone-transfer.ts";

/** The commands of zones, in the order that help lists them. */
export function registerZones(program: Command): void {
  const parent = noun(program, "zone", "Zones that customers host, and delegated hostnames");
  verb<{ readonly customer?: string }>(parent, {
    usage: "list",
    description: "Hosted zones, and hostnames that are delegated here",
    examples: ["turnpike zone list", "turnpike zone list --customer shop"],
    options: [["--customer <name>", "only this customer's"]],
    run: async ({ api, flags, print }) => {
      const zones = await listZones(api, flags.customer);
      const rows = zones.map((z) => [z.name, z.customer, z.kind, z.records]);
      print(zones, table(["ZONE", "CUSTOMER", "KIND", "RECORDS"], rows, "No zones"));
      return 0;
    },
  });
  verb(parent, {
    usage: "show <zone>",
    description: "The records of a zone, and what looks wrong with them",
    examples: ["turnpike zone show shop.example"],
    run: async ({ api, args, print }) => {
      const view = await api.call("readZone", { params: await findZone(api, args[0] ?? "") });
      const rows = view.records.map((r) => [r.name, r.ttlSec, r.type, r.value]);
      print(view, [
        `${view.name}  (customer ${view.customer}, ${view.kind})`,
        `  name servers ${view.nameServers.join(", ")}`,
        "",
        ...table(["NAME", "TTL", "TYPE", "VALUE"], rows),
        ...view.warnings.map((w) => `warning: ${w.received ?? w.path} ${w.message}`),
      ]);
      return 0;
    },
  });
  verb(parent, {
    usage: "export <zone>",
    description: "Print a zone as a master file",
    examples: ["turnpike zone export shop.example > shop.example.zone"],
    run: async ({ api, args, print }) => {
      const params = await findZone(api, args[0] ?? "");
      const zone = await api.call("readZoneText", { params });
      print(zone, zone.text.trimEnd());
      return 0;
    },
  });
  registerZoneImport(parent);
  registerZoneSet(parent);
  registerZoneClaims(parent);
  registerZoneTransfer(parent);
}
