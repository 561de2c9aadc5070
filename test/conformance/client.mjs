// Runs the suite's client under Node against the address in CONFORMANCE_EDGE (`address:port`), as
// the site in CONFORMANCE_SITE, and prints one JSON object: test id -> {kind, outcome, words}.
// CONFORMANCE_IDS, comma-separated, narrows it to some tests; CONFORMANCE_DUMP shows their messages.
import { Agent } from "node:http";
import { getResults, runTests } from "http-cache-tests/client/runner.mjs";
import suites from "http-cache-tests/tests/index.mjs";
import fetch from "node-fetch";

const [address, port] = process.env.CONFORMANCE_EDGE.split(":");
const wanted = process.env.CONFORMANCE_IDS?.split(",");
// The site's name leads to the edge, whatever DNS says.
const agent = new Agent({
  keepAlive: true,
  lookup: (_name, options, done) =>
    options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4),
});
const all = suites.flatMap((suite) => suite.tests);
const byId = new Map(all.map((test) => [test.id, test]));
const chosen = suites.map((suite) => ({
  ...suite,
  tests: suite.tests.filter((test) => wanted === undefined || wanted.includes(test.id)),
}));
if (process.env.CONFORMANCE_DUMP) for (const id of wanted) byId.get(id).dump = true;

await runTests(
  chosen,
  (url, init) => fetch(url, { ...init, agent }),
  false,
  `http://${process.env.CONFORMANCE_SITE}:${port}`,
);
const results = getResults();
const outcomes = {};
for (const id of Object.keys(results)) {
  const { kind = "required" } = byId.get(id);
  const words = results[id] === true ? undefined : results[id].join(": ");
  outcomes[id] = { kind, outcome: outcomeOf(id), words };
}
process.stdout.write(`${JSON.stringify(outcomes)}\n`);
process.exit(0);

/** As the suite's own pages count: a test whose precondition did not pass says nothing. */
function outcomeOf(id) {
  const result = results[id];
  // A narrowed run does not try what its tests depend on.
  const depends = wanted === undefined ? (byId.get(id).depends_on ?? []) : [];
  if (depends.some((other) => outcomeOf(other) !== "pass")) return "dependency";
  if (result === true) return "pass";
  return result[0] === "Setup" ? "setup" : result[0] === "Assertion" ? "fail" : "harness";
}
