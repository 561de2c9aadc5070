import type { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { ok, type Result } from "../../base/result.ts";
import type { measuredGroupsPut } from "../../model/api/mod.ts";
import { type MeasuredNetwork, withMeasuredGroups } from "../../policy/snapshot/mod.ts";
import type { ChangeDone, Changer } from "../change.ts";

/**
 * Makes client groups of measured networks; published at once.
 *
 * @throws Fault `not-found` where there is no network yet
 */
export async function putMeasuredGroups(
  changer: Changer,
  o: { readonly actor: string; readonly networks: readonly MeasuredNetwork[] },
  { largest, dryRun }: z.infer<typeof measuredGroupsPut>,
): Promise<Result<ChangeDone & { readonly groups: number }>> {
  let groups = 0;
  const done = await changer.change({
    edit: (network) => {
      if (network === null) throw new Fault("not-found", "network");
      const made = withMeasuredGroups(network, o.networks, largest);
      groups = made.groups;
      return ok(made.network);
    },
    actor: o.actor,
    customer: null,
    action: "network.measured-groups",
    subject: "network",
    publish: true,
    dryRun,
  });
  return done.ok ? ok({ ...done.value, groups }) : done;
}
