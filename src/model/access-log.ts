import { z } from "zod";

/** In place of a file's name: the standard output. */
export const STDOUT = "-";

/** The node file's `accessLog`: one line for each request, or for one of `each`. */
export const accessLog = z.strictObject({
  file: z.string().min(1).meta({
    description: "A file, relative to the node file; or -: the standard output",
  }),
  format: z.enum(["json", "combined"]).default("json").meta({
    description: "JSON lines, or as Apache writes them",
  }),
  each: z.int().min(1).default(1).meta({ description: "One request of so many" }),
  maxMiB: z.int().min(1).default(100).meta({
    description: "Then it is kept as FILE.1 and begun anew; not of the standard output",
  }),
});
