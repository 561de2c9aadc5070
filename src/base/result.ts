/** One thing wrong with an input: where, what was received, and what is expected. */
export interface Problem {
  /** A dotted path into the input, such as `customers.0.sites.1.port`. Empty for the whole. */
  readonly path: string;
  /** What is expected, in words: sentence case, no full stop. */
  readonly message: string;
  /** What was received, shortened for display. */
  readonly received?: string;
  /** 1-based line and column in the file read, where there was one. */
  readonly line?: number;
  readonly column?: number;
}

/** A value, or all problems at once. */
export type Result<T, E = readonly Problem[]> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: E };

export function ok<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value };
}

export function bad<E>(problems: E): { readonly ok: false; readonly problems: E } {
  return { ok: false, problems };
}

/**
 * One line for a person: position, path, message and what was received.
 *
 * @example formatProblem({ path: "zone", message: "expected a domain name", received: "7" })
 */
export function formatProblem(problem: Problem, file?: string): string {
  const at = problem.line === undefined ? "" : `${problem.line}:${problem.column ?? 1}`;
  const where = [file ?? "", at].filter((part) => part !== "").join(":");
  const path = problem.path === "" ? "" : `${problem.path}: `;
  const received = problem.received === undefined ? "" : `: received ${problem.received}`;
  return `${where === "" ? "" : `${where}: `}${path}${problem.message}${received}`;
}
