import { z } from "zod";

/** In place of a file's name: the standard output. */
export const STDOUT = "-";

/** The node file's `accessLog`: one line for each request, or for one of `each`. */
export const accessLog = z.strictObject({
  file: z.string().min(1).meta({ description: "A file; or -: the standard output" }),
  format: z.enum(["json", "combined"]).default("json"),
  each: z.int().min(1).default(1),
  maxMiB: z.int().min(1).default(100),
});
export type AccessLog = z.infer<typeof accessLog>;
