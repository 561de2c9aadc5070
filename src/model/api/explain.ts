import { z } from "zod";
import type { Candidate, Choice, Decision, SteerReason, Verdict } from "../decision.ts";
import { loadSource, loadSourceKind } from "./live.ts";

export const explainQuery = z.object({
  name: z.string().min(1).max(254).meta({ description: "The name looked up" }),
  client: z
    .union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
      message: "expected an IP address, such as 198.51.100.7",
    })
    .meta({ description: "The client's address, or its prefix as a resolver tells it" }),
  at: z.iso.datetime({ offset: true }).optional().meta({
    description: "A time of the last 24 hours, ISO 8601; now when left out",
  }),
  use: z.enum(["answer", "miss"]).default("answer").meta({
    description: "What a name server answers, or which origin a cache asks on a miss of this site",
  }),
});

const steerReason = z.string().transform((text) => text as SteerReason);

const verdict = z.object({
  filter: z.string(),
  kept: z.boolean(),
  reason: steerReason,
  detail: z.string(),
}) satisfies z.ZodType<Verdict>;

export const candidate = z
  .object({
    id: z.string(),
    name: z.string(),
    v4: z.string().nullable(),
    v6: z.string().nullable(),
    state: z.string(),
    load: z.number(),
    loadKnown: z.boolean(),
    loadFrom: loadSourceKind.nullable(),
    projected: z.number(),
    rttMs: z.number().nullable(),
    sources: z.array(loadSource),
    verdicts: z.array(verdict),
  })
  .meta({ id: "Candidate" }) satisfies z.ZodType<Candidate>;

const choice = z.object({
  kind: z.enum(["origin", "node", "fallback"]),
  index: z.int(),
  id: z.string(),
  v4: z.string().nullable(),
  v6: z.string().nullable(),
  port: z.int(),
  weight: z.number(),
}) satisfies z.ZodType<Choice>;

export const decision = z
  .object({
    choices: z.array(choice),
    ttlSec: z.number(),
    allDown: z.boolean(),
    reasons: z.array(candidate),
  })
  .meta({ id: "Decision" }) satisfies z.ZodType<Decision>;

/** Why a name is answered as it is for a client: the same functions and inputs that answer it. */
export const explanation = z
  .object({
    name: z.string(),
    client: z.string(),
    at: z.string().optional().meta({ description: "The time asked about; absent for now" }),
    group: z.string().meta({ description: "The client group that the address falls into" }),
    scope: z.string().nullable().meta({ description: "The group's prefix; null for the default" }),
    kind: z.enum(["origins", "edges", "records", "none"]).meta({
      description:
        "What is steered; `records` for plain records, `none` if we do not have the name",
    }),
    site: z.string().nullable(),
    snapshot: z.int(),
    health: z.int(),
    assignment: z.int(),
    latency: z
      .array(
        z.object({
          pop: z.string(),
          rttMs: z.number(),
          from: z.enum(["clients", "beacon", "probes", "file", "as", "country", "distance"]),
          samples: z.int().nullable().meta({
            description: "Connections of clients, reports of browsers, groups of the same place",
          }),
          ageSec: z.int().nullable(),
          addedMs: z.number().nullable().meta({
            description: "Added to a probe's time: clients are farther away than their resolver",
          }),
        }),
      )
      .exactOptional()
      .meta({ description: "How far the client's group is from each pop, nearest first" }),
    answer: z.object({ v4: z.string().nullable(), v6: z.string().nullable(), ttlSec: z.number() }),
    decision: decision.nullable(),
    records: z.array(
      z.object({ type: z.string(), ttlSec: z.number(), values: z.array(z.string()) }),
    ),
  })
  .meta({ id: "Explanation" });
export type Explanation = z.infer<typeof explanation>;
