import { z } from "zod";

/** The node file's `accessLog`: one line for each request, or for one of `each`. */
export const accessLog = z.strictObject({
  file: z.string().min(1),
  format: z.enum(["json", "combined"]).default("json"),
  each: z.int().min(1).default(1),
  maxMiB: z.int().min(1).default(100),
});
export type AccessLog = z.infer<typeof accessLog>;
