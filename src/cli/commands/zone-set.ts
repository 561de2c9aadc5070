import type { Command } from "commander";
import { findZone, zoneChangedWords } from "./find-zone.ts";
import { numberFlag } from "./number-flag.ts";
import { verb } from "./verb.ts";

interface Flags {
  readonly ttl?: string;
}

export function registerZoneSet(parent: Command): void {
  verb<Flags>(parent, {
    usage: "set <zone> <name> <type> <value...>",
    description: "Replace the records of a name and type; it is published at once",
    examples: [
      "turnpike zone set shop.example @ MX '10 mail.shop.example' '20 mx.other.example'",
      "turnpike zone set www.shop.example @ CAA '0 issue \"ca.example\"' --ttl 300",
    ],
    options: [["--ttl <seconds>", "how long resolvers may keep them", "3600"]],
    run: async ({ api, args, flags, print }) => {
      const [zone = "", name = "", type = "", ...values] = args;
      const params = { ...(await findZone(api, zone)), name, type };
      const body = { ttlSec: numberFlag("--ttl", flags.ttl ?? "3600"), values };
      const done = await api.call("putRecords", { params, body });
      print(done, zoneChangedWords(done));
      return 0;
    },
  });
  verb(parent, {
    usage: "unset <zone> <name> <type>",
    description: "Remove the records of a name and type; it is published at once",
    examples: ["turnpike zone unset shop.example old A"],
    run: async ({ api, args, print }) => {
      const [zone = "", name = "", type = ""] = args;
      const params = { ...(await findZone(api, zone)), name, type };
      const done = await api.call("deleteRecords", { params });
      print(done, zoneChangedWords(done));
      return 0;
    },
  });
}
