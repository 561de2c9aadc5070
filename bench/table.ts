import {
  type BenchCase,
  type BenchFigure,
  type BenchGrowth,
  type BenchResult,
  growthExponents,
  median,
  ratioToBest,
} from "./result.ts";

/** A result as a table for a terminal: ours first, then the peers, with the ratio to each. */
export function formatResult(result: BenchResult): string {
  const parts = result.cases.map(formatCase);
  const missing = result.missing.map((words) => `not measured: ${words}`);
  const growth = (result.growth ?? []).map(formatGrowth);
  const lines = [`${result.bench}, ${result.rounds} rounds`, ...parts, ...growth, ...missing, ""];
  return lines.join("\n");
}

function formatGrowth({ name, sizes, cpuUs, exponents }: BenchGrowth): string {
  const each = sizes.map((size, i) => `${cpuUs[i]!.toFixed(2)} us at ${size}`).join(", ");
  const powers = exponents.map((power) => power.toFixed(3)).join(", then ");
  return `\n${name}: ${each}: grows by the power ${powers}`;
}

function formatCase(one: BenchCase): string {
  const ours = one.figures.find((figure) => figure.ours);
  const head = ["", "CPU us", "from-to", "per second", "RSS MB", "failed", "ours/this"];
  const rows = [...one.figures]
    .sort((a, b) => Number(b.ours) - Number(a.ours))
    .map((figure) => formatRow(figure, ours));
  const ratio = ratioToBest(one);
  const goal = one.goalRatio === null ? "" : `; the goal is at most ${one.goalRatio}`;
  const exponents = growthExponents(one).map((power) => power.toFixed(3));
  const grew = exponents.length === 0 ? "" : `; grows by the power ${exponents.join(", then ")}`;
  const verdict = ratio === null ? "no peer" : `${ratio.toFixed(2)} of the best peer${goal}${grew}`;
  return [`\n${one.name} (${one.load}): ${verdict}`, ...align([head, ...rows])].join("\n");
}

function formatRow(figure: BenchFigure, ours: BenchFigure | undefined): string[] {
  const { cpuUs, perSec, rssBytes, failed } = figure;
  if (cpuUs.length === 0) return [figure.name, "-", "-", "-", "-", String(failed), "-"];
  const ratio =
    figure.ours || ours === undefined || ours.cpuUs.length === 0
      ? "-"
      : (median(ours.cpuUs) / median(cpuUs)).toFixed(2);
  return [
    figure.name,
    median(cpuUs).toFixed(2),
    `${Math.min(...cpuUs).toFixed(1)}-${Math.max(...cpuUs).toFixed(1)}`,
    perSec.length === 0 ? "-" : String(Math.round(median(perSec))),
    rssBytes === null ? "-" : (rssBytes / 1e6).toFixed(0),
    String(failed),
    ratio,
  ];
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!),
      )
      .join("  "),
  );
}
