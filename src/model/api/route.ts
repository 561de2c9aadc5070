import type { z } from "zod";

/** Who may call a route. `viewer`, `editor`, `owner` are roles within the customer in the path. */
export type Access =
  | "anyone"
  | "signed-in"
  | "viewer"
  | "editor"
  | "owner"
  /** The operator of the network only. */
  | "operator";

/** One route of the API: its shapes, and who may call it. Paths are relative to `/api/v1`. */
export interface Route {
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** With OpenAPI placeholders: `/customers/{customer}`. */
  readonly path: string;
  readonly access: Access;
  readonly summary: string;
  /** Tokens that may only purge may call it, too. */
  readonly forPurge?: true;
  /** If-Match with the entity tag of what is changed, and If-None-Match, are heeded: 412. */
  readonly conditional?: true;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  readonly status: 200 | 201 | 204;
  /** Absent with status 204. */
  readonly reply?: z.ZodType;
}

/** Keeps the literal types of a route, so that callers infer its shapes. */
export function route<const R extends Route>(declared: R): R {
  return declared;
}
