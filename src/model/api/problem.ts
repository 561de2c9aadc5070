import { z } from "zod";

/** One thing wrong with what was sent (base/result.ts `Problem`). */
export const problem = z
  .object({
    path: z.string(),
    message: z.string(),
    received: z.string().optional(),
    line: z.int().optional(),
    column: z.int().optional(),
  })
  .meta({ id: "Problem" });

/** Every error's body: RFC 9457 problem details with the fault code and all problems at once. */
export const problemDetails = z
  .object({
    type: z.string().meta({ description: "`about:blank` or the address of the code's page" }),
    title: z.string(),
    status: z.int(),
    code: z.string().meta({ description: "A code of docs/errors.md, such as `bad-input`" }),
    detail: z.string().optional(),
    problems: z.array(problem),
  })
  .meta({ id: "ProblemDetails" });
export type ProblemDetails = z.infer<typeof problemDetails>;
