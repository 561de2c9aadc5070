import { bad, ok, type Problem, type Result } from "../../base/result.ts";
import { type Locate, pathOf, problemsOf, readDocument } from "../../model/document.ts";
import { type Network, network } from "../../model/network.ts";
import type { ChangeDone, Changer } from "../change.ts";

export interface ApplyOrder {
  /** The network file's text, or the same as a value; exactly one of them. */
  readonly yaml?: string | undefined;
  readonly network?: unknown;
  readonly dryRun: boolean;
  readonly publish: boolean;
  readonly actor: string;
  /** Throws where the network in force is not to be replaced. */
  readonly heed: (now: {
    readonly network: Network | null;
    readonly version: number;
  }) => Promise<void>;
}

/** Makes the intent what a network file says, or returns every problem with its line and column. */
export async function apply(changer: Changer, order: ApplyOrder): Promise<Result<ChangeDone>> {
  const read = readNetwork(order);
  if (!read.ok) return bad(read.problems.map(hidden));
  const { value, locate } = read.value;
  const { dryRun, publish, actor } = order;
  const done = await changer.change({
    async edit(before, version) {
      await order.heed({ network: before, version });
      return ok(value);
    },
    actor,
    customer: null,
    action: "network.apply",
    subject: value.zone,
    publish,
    dryRun,
  });
  if (done.ok) return done;
  return bad(done.problems.map((p) => hidden({ ...p, ...locate?.(pathOf(p.path)) })));
}

interface Read {
  readonly value: Network;
  readonly locate: Locate | null;
}

function readNetwork(order: ApplyOrder): Result<Read> {
  if ((order.yaml === undefined) === (order.network === undefined)) {
    return bad([{ path: "", message: "expected one of yaml and network" }]);
  }
  if (order.yaml !== undefined) return readDocument(order.yaml, network);
  const parsed = network.safeParse(order.network);
  if (parsed.success) return ok({ value: parsed.data, locate: null });
  return bad(problemsOf(parsed.error, order.network));
}

/** Problems say what was received, but never a password, nor a thing that holds one. */
function hidden(problem: Problem): Problem {
  const secret = /(^|\.)password$/.test(problem.path) || problem.received?.includes('"password"');
  return secret === true ? { ...problem, received: "(hidden)" } : problem;
}
