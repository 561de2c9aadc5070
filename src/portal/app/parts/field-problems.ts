import { ApiFault } from "../api/client.ts";

/** A form's fields: for each, the ends of problem paths that belong to it. */
export type FieldPaths<F extends string> = Readonly<Record<F, readonly string[]>>;

export interface SortedProblems<F extends string> {
  readonly fields: { readonly [K in F]?: string };
  /** What belongs to no field: shown above the form. */
  readonly rest: readonly string[];
}

/**
 * Puts each problem of the API's answer at its field. The API names paths from the body's or the
 * whole network's root (`v4`, `customers.0.sites.2.origins.1.v4`), so ends of paths are compared.
 */
export function sortProblems<F extends string>(
  error: Error | null,
  paths: FieldPaths<F>,
): SortedProblems<F> {
  if (error === null) return { fields: {}, rest: [] };
  if (!(error instanceof ApiFault)) return { fields: {}, rest: [error.message] };
  const fields: { [K in F]?: string } = {};
  const rest: string[] = [];
  for (const problem of error.problems) {
    const words = sentence(problem.message);
    const found = fieldAt(problem.path, paths);
    if (found === null) {
      rest.push(problem.path === "" ? words : `${words} (${problem.path})`);
      continue;
    }
    const { field, below } = found;
    const said = below === "" ? words : `${below}: ${problem.message}`;
    fields[field] = fields[field] === undefined ? said : `${fields[field]}; ${said}`;
  }
  if (error.problems.length === 0) rest.push(error.message);
  return { fields, rest };
}

/** The field that a path ends in, or the nearest above it that there is, and what is below that. */
function fieldAt<F extends string>(path: string, paths: FieldPaths<F>) {
  const names = Object.keys(paths) as F[];
  const steps = path.split(".");
  for (let most = steps.length; most > 0; most--) {
    const at = steps.slice(0, most).join(".");
    const field = names.find((name) =>
      paths[name].some((end) => at === end || at.endsWith(`.${end}`)),
    );
    if (field !== undefined) return { field, below: steps.slice(most).map(placeWords).join(" ") };
  }
  return null;
}

/** People count from one. */
function placeWords(step: string): string {
  return /^\d+$/.test(step) ? `Number ${Number(step) + 1}` : step;
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
