import type { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { ok, type Result } from "../../base/result.ts";
import type { asGroupsPut } from "../../model/api/mod.ts";
import { IMPORTED, withAsGroups } from "../../policy/snapshot/mod.ts";
import type { ChangeDone, Changer } from "../change.ts";

export interface AsGroupsDone extends ChangeDone {
  readonly groups: number;
  readonly left: number;
}

/**
 * Makes client groups of a table of prefixes and autonomous systems; published at once.
 *
 * @throws Fault `not-found` where there is no network yet
 */
export async function putAsGroups(
  changer: Changer,
  actor: string,
  { systems, dryRun }: z.infer<typeof asGroupsPut>,
): Promise<Result<AsGroupsDone>> {
  let groups = 0;
  let left = 0;
  const done = await changer.change({
    edit: (network) => {
      if (network === null) throw new Fault("not-found", "network");
      const made = withAsGroups(network, systems);
      left = made.left;
      groups = made.network.clientGroups.filter((g) => g.tags?.includes(IMPORTED)).length;
      return ok(made.network);
    },
    actor,
    customer: null,
    action: "network.as-groups",
    subject: "network",
    publish: true,
    dryRun,
  });
  return done.ok ? ok({ ...done.value, groups, left }) : done;
}
