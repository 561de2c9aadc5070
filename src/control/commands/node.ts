import type { z } from "zod";
import { Fault } from "../../base/fault.ts";
import { bad, ok, type Result } from "../../base/result.ts";
import type { nodePatch } from "../../model/api/mod.ts";
import type { ChangeDone, Changer } from "../change.ts";

/**
 * Overrules what is measured of a node, as for its maintenance; published at once.
 *
 * @throws Fault `not-found`
 */
export async function patchNode(
  changer: Changer,
  at: { readonly name: string; readonly actor: string },
  patch: z.infer<typeof nodePatch>,
): Promise<Result<ChangeDone>> {
  let prefix = "";
  const done = await changer.change({
    edit: async (network) => {
      const i = network?.nodes.findIndex((node) => node.name === at.name) ?? -1;
      const before = network?.nodes[i];
      if (network === null || before === undefined) throw new Fault("not-found", at.name);
      prefix = `nodes.${i}.`;
      // A new word has an end of its own, or none.
      const { until: _, ...node } = before;
      const { state, until } = patch;
      const nodes = [...network.nodes];
      nodes[i] = { ...node, state, ...(until === undefined ? {} : { until }) };
      return ok({ ...network, nodes });
    },
    actor: at.actor,
    customer: null,
    action: "node.patch",
    subject: at.name,
    publish: true,
  });
  if (done.ok) return done;
  return bad(
    done.problems.map((problem) =>
      problem.path.startsWith(prefix)
        ? { ...problem, path: problem.path.slice(prefix.length) }
        : problem,
    ),
  );
}
