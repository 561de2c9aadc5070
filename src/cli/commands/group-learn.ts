import type { Command } from "commander";
import type { MeasuredNetworkView } from "../../model/api/mod.ts";
import { numberFlag } from "./number-flag.ts";
import { noun, table, verb } from "./verb.ts";

const GROUP = "Client groups: client prefixes that are treated alike";

export function registerGroupLearn(program: Command): void {
  verb(noun(program, "group", GROUP), {
    usage: "measured",
    description: "Networks (/24, /48) of clients in no group, and how far caches see them",
    examples: ["turnpike group measured", "turnpike group measured --json"],
    run: async ({ api, print }) => {
      const networks = await api.call("listMeasured");
      const cells = networks.map((one) => [one.prefix, one.group, one.samples, far(one)]);
      const none = "No client in no group has been seen in the last day";
      const heads = ["NETWORK", "GROUP", "CONNECTIONS", "FROM"];
      print(networks, table(heads, cells, none));
      return 0;
    },
  });
  verb<{ readonly largest: string; readonly dryRun?: boolean }>(noun(program, "group", GROUP), {
    usage: "learn",
    description: "Make client groups of the measured networks with most connections",
    examples: ["turnpike group learn --largest 500 --dry-run", "turnpike group learn --largest 0"],
    options: [
      ["--largest <n>", "groups of measured networks in all; 0 ends them", "1000"],
      ["--dry-run", "only say what would change"],
    ],
    run: async ({ api, flags, print }) => {
      const body = {
        largest: numberFlag("--largest", flags.largest),
        dryRun: flags.dryRun === true,
      };
      const done = await api.call("putMeasuredGroups", { body });
      const end = done.snapshot === null ? "" : `; published as snapshot ${done.snapshot}`;
      print(done, [...done.changes, `${done.groups} groups of measured networks${end}`]);
      return 0;
    },
  });
}

function far({ pops }: MeasuredNetworkView): string {
  const each = pops.map(
    ({ pop, rttMs, ageSec }) => `${pop} ${rttMs.toFixed(1)} ms (${ageSec} s ago)`,
  );
  return each.join(", ");
}
