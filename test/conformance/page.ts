import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Outcomes } from "./suite.ts";

const HERE = import.meta.dir;
export const RESULTS = join(HERE, "results.json");
export const PAGE = join(HERE, "../../docs/conformance.md");
const EXPLAINED = join(HERE, "explained.json");

export const KINDS = ["required", "optimal", "check"] as const;

/** By kind, then by the suite's test id: its outcome. */
export type Kept = Readonly<Record<(typeof KINDS)[number], Readonly<Record<string, string>>>>;

export function keep(outcomes: Outcomes): Kept {
  const of = (kind: string) =>
    Object.fromEntries(
      Object.entries(outcomes)
        .filter(([, one]) => one.kind === kind)
        .map(([id, one]) => [id, one.outcome]),
    );
  return { required: of("required"), optimal: of("optimal"), check: of("check") };
}

export function readResults(): Kept {
  return JSON.parse(readFileSync(RESULTS, "utf8")) as Kept;
}

/** Required and optimal tests that do not pass, each with the clause that it is weighed against. */
export function readExplained(): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(EXPLAINED, "utf8")) as Record<string, string>;
}

/** Measured on the suite's newest version, which has a few tests more than the published package. */
const PEERS = [
  ["Apache Traffic Server", 133, 72],
  ["Apache httpd", 131, 68],
  ["Varnish", 119, 45],
  ["Squid", 117, 58],
  ["nginx", 100, 58],
  ["all of these together", 155, 88],
] as const;

export function passedOf(results: Kept, kind: keyof Kept): { passed: number; of: number } {
  const all = Object.values(results[kind]);
  return { passed: all.filter((outcome) => outcome === "pass").length, of: all.length };
}

export function renderPage(): string {
  const results = readResults();
  const explained = readExplained();
  const share = (passed: number, of: number) => `${Math.round((100 * passed) / of)} %`;
  const required = passedOf(results, "required");
  const optimal = passedOf(results, "optimal");
  const ours = `| **Turnpike** | ${required.passed} of ${required.of} (${share(required.passed, required.of)}) | ${optimal.passed} of ${optimal.of} (${share(optimal.passed, optimal.of)}) |`;
  const peers = PEERS.map(
    ([name, must, may]) =>
      `| ${name} | ${must} of 160 (${share(must, 160)}) | ${may} of 105 (${share(may, 105)}) |`,
  );
  const missed = (kind: "required" | "optimal") =>
    Object.entries(results[kind])
      .filter(([, outcome]) => outcome !== "pass")
      .map(([id, outcome]) => `| \`${id}\` | ${outcome} | ${explained[id] ?? "not yet"} |`);
  const table = (rows: readonly string[]) =>
    rows.length === 0 ? ["None."] : ["| test | outcome | why |", "|---|---|---|", ...rows];
  const yes = Object.entries(results.check).filter(([, outcome]) => outcome === "pass");
  return [
    "# Conformance",
    "",
    "The public suite of HTTP cache tests (`http-cache-tests` 0.4.5, the one behind",
    "cache-tests.fyi), run through a caching server as it is shipped, its own server being the origin",
    "of a site behind caches. `npm test` runs it; `node tools/run.mjs test/conformance/run.ts --write`",
    "renews this page, which is generated from `test/conformance/results.json`.",
    "",
    "| cache | required | optimal |",
    "|---|---|---|",
    ours,
    ...peers,
    "",
    "A *required* test holds a cache to what the RFCs demand; an *optimal* one asks whether it reuses",
    "all that it may. The peers were measured on the suite's newest version, which has more tests (160",
    "and 105) than the published package (157 and 86). The suite's authors call it a conversation about",
    "caches and not a certificate; so do we.",
    "",
    "## Required tests that do not pass",
    "",
    ...table(missed("required")),
    "",
    "## Optimal tests that do not pass",
    "",
    ...table(missed("optimal")),
    "",
    "## What this cache does where the RFCs leave it open",
    "",
    `Of ${Object.keys(results.check).length} questions, these ${yes.length} are answered with yes:`,
    "",
    ...yes.map(([id]) => `- \`${id}\``),
    "",
  ].join("\n");
}
