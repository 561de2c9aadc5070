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
    const field = (Object.keys(paths) as F[]).find((name) =>
      paths[name].some((end) => problem.path === end || problem.path.endsWith(`.${end}`)),
    );
    if (field === undefined) rest.push(problem.path === "" ? words : `${words} (${problem.path})`);
    else fields[field] = fields[field] === undefined ? words : `${fields[field]}; ${words}`;
  }
  if (error.problems.length === 0) rest.push(error.message);
  return { fields, rest };
}

function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}
