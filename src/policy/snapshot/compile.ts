import { bad, ok, type Problem, type Result } from "../../base/result.ts";
import type { Intent } from "../../model/network.ts";
import type { Snapshot, SnapshotBody } from "../../model/snapshot.ts";
import { changedSites } from "./changed-sites.ts";
import { type CompileInput, compileBody, recompileBody } from "./compile-body.ts";
import { SnapshotHasher } from "./hash.ts";
import { runPolicyTests } from "./policy-test.ts";
import { validateCustomers, validateNetwork } from "./validate.ts";

/**
 * Compiles intent into a snapshot: names turned into indexes, defaults settled, hashed. Every
 * problem is returned, with its path in the network file; nothing is compiled then. The policy tests
 * of the file are tried on what was compiled: one that fails is a problem too.
 */
export function compile(input: CompileInput): Result<Snapshot> {
  return new Compiler().compile(input);
}

/**
 * Compiles one intent after the other, as `compile()` does. Sites that an edit left alone (the very same
 * objects) are neither checked, compiled nor hashed again, as long as names, zones and numbers of
 * origins stay what they were: see `changedSites()`.
 */
export class Compiler {
  readonly #hasher = new SnapshotHasher();
  #last: { readonly intent: Intent; readonly body: SnapshotBody } | null = null;
  /** How many sites the last call compiled. */
  compiled = 0;

  compile(input: CompileInput): Result<Snapshot> {
    const { intent } = input;
    const last = this.#last;
    const found = last === null ? null : changedSites(last.intent, intent);
    const customers = new Set(found?.map((one) => one.customer));
    // Whoever is told of a problem is told of all.
    const partly = found !== null && validateCustomers(intent.network, customers).length === 0;
    const problems = partly ? [] : check(intent);
    if (problems.length > 0) return bad(problems);
    const changed = partly && last !== null ? found : null;
    const body =
      changed === null || last === null
        ? compileBody(input)
        : recompileBody(input, last.body, changed);
    this.compiled = changed?.length ?? body.sites.length;
    this.#last = { intent, body };
    const snapshot = { ...body, hash: this.#hasher.hash(body, input.sha256) };
    const tests = intent.network.tests ?? [];
    const failed = runPolicyTests(snapshot, tests).filter((problem) => problem !== null);
    return failed.length > 0 ? bad(failed) : ok(snapshot);
  }
}

function check({ network, targets }: Intent): Problem[] {
  const problems: Problem[] = validateNetwork(network);
  if (network.nodes.length === 0) {
    const message = "expected at least one node: an empty network is never published";
    problems.push({ path: "nodes", message, received: "none" });
  }
  for (const { sites } of network.customers) {
    for (const { hostname } of sites) {
      if (/^[0-9a-f]{32}$/.test(targets[hostname] ?? "")) continue;
      problems.push({ path: "targets", message: "expected a target", received: hostname });
    }
  }
  return problems;
}
