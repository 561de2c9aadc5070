import { z } from "zod";
import { asNumber, ipv4, ipv6, prefix, slug } from "./names.ts";

/**
 * Clients as rules name them: a client group belongs here if it is named, has one of the tags, is in
 * one of the autonomous systems, or all its prefixes lie within those given.
 */
const clients = {
  groups: z.array(slug).max(10_000).default([]).meta({ description: "Client groups by name" }),
  tags: z.array(slug).max(100).default([]).meta({ description: "Client groups with these tags" }),
  as: z.array(asNumber).max(10_000).optional().meta({
    description: "Client groups in these autonomous systems",
  }),
  prefixes: z.array(prefix).max(10_000).default([]).meta({
    description: "Client groups whose prefixes all lie within these",
  }),
};

export const clientRule = z.strictObject({
  ...clients,
  to: z.array(slug).min(1).max(100).meta({ description: "Origins by name" }),
});
export type ClientRule = z.infer<typeof clientRule>;

const rules = z.array(clientRule).min(1).max(1000).meta({ description: "Which clients get which" });
const strictly = z.boolean().default(false).meta({
  description: "Keep them even while none can serve",
});
const percent = z
  .number({ message: "expected a percentage from -99 to 99" })
  .min(-99, { message: "expected a percentage from -99 to 99" })
  .max(99, { message: "expected a percentage from -99 to 99" });
const load = (preset: number) =>
  z
    .number({ message: "expected a load from 0 to 10" })
    .min(0, { message: "expected a load from 0 to 10" })
    .max(10, { message: "expected a load from 0 to 10" })
    .default(preset);

/**
 * One step of a chain. Servers that are down, drained, of weight 0 or unfit for the question are out
 * before the first. A step drops some of what is left, or orders it; the last order counts.
 */
export const steeringStep = z.discriminatedUnion("filter", [
  z.strictObject({ filter: z.literal("healthy") }),
  z
    .strictObject({ filter: z.literal("allowed"), rules })
    .meta({ description: "Origins that a rule names serve only the clients of their rules" }),
  z.strictObject({ filter: z.literal("map"), rules, strict: strictly }).meta({
    description: "The first rule for a client keeps its origins, in its order, while one can serve",
  }),
  z.strictObject({ filter: z.literal("lowest-load") }),
  z.strictObject({ filter: z.literal("nearest-unloaded") }),
  z.strictObject({
    filter: z.literal("latency"),
    bandMs: z.number().min(0).max(60_000).optional().meta({
      description: "Keep only servers within this of the lowest round-trip time",
    }),
  }),
  z.strictObject({
    filter: z.literal("geographic"),
    bias: z.record(slug, percent).default({}).meta({
      description: "Per origin: above 0 enlarges the area it serves, below 0 shrinks it",
    }),
  }),
  z.strictObject({ filter: z.literal("weighted") }),
  z.strictObject({
    filter: z.literal("failover"),
    order: z.array(slug).max(100).default([]).meta({
      description:
        "Origins by name, first choice first; those not named follow in the file's order",
    }),
  }),
  z.strictObject({ filter: z.literal("sticky") }),
  z
    .strictObject({
      filter: z.literal("shed"),
      target: load(0.7).meta({ description: "The load at which it begins" }),
      limit: load(1).meta({ description: "The load at which all go" }),
    })
    .meta({
      description: "Sends away a growing share of clients between the loads target and limit",
    }),
  z.strictObject({
    filter: z.literal("first"),
    n: z.int().min(1).max(100).default(1).meta({ description: "How many servers to keep" }),
  }),
]);
export type SteeringStep = z.infer<typeof steeringStep>;

/** Chains that have a name: one ordering filter each. */
export const steeringPreset = z.enum([
  "lowest-load",
  "nearest-unloaded",
  "latency",
  "geographic",
  "weighted",
  "failover",
  "sticky",
]);
export type SteeringPreset = z.infer<typeof steeringPreset>;

const givenState = z.enum(["up", "down", "draining"]);

/**
 * What must hold of the network, tried on every publish: with these servers so, and all others up
 * and idle, this client gets one of these.
 */
export const policyTest = z.strictObject({
  name: z.string().min(1).max(253).toLowerCase().meta({ description: "The name looked up" }),
  client: z.union([ipv4, ipv6]).meta({ description: "The client's address" }),
  use: z.enum(["answer", "miss"]).default("answer").meta({
    description: "What a name server answers, or which origin a cache asks on a miss",
  }),
  given: z
    .record(
      z.string(),
      z.union([
        givenState,
        z.strictObject({
          state: givenState.default("up").meta({ description: "What it is taken to be" }),
          load: z.number().min(0).default(0).meta({ description: "0 idle, 1 full" }),
        }),
      ]),
    )
    .default({})
    .meta({ description: "Origins of the site or nodes by name: a state, or state and load" }),
  expect: z.union([slug, z.array(slug).max(100)]).meta({
    description: "One of these origins or nodes; an empty list: no server",
  }),
});
export type PolicyTest = z.infer<typeof policyTest>;

export const steeringChain = z.array(steeringStep).min(1).max(20);
