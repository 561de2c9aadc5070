import { z } from "zod";
import type { LoadSource, LoadSourceKind, TargetState, VantageView } from "../health.ts";

export const targetState = z.enum([
  "up",
  "down",
  "draining",
  "unknown",
]) satisfies z.ZodType<TargetState>;

export const loadSourceKind = z.enum([
  "cpu",
  "memory",
  "network",
  "http",
  "ftp",
  "tcp",
  "tls",
  "dns",
  "icmp",
  "connections",
  "edges",
  "loop",
  "reported",
]) satisfies z.ZodType<LoadSourceKind>;

export const loadSource = z
  .object({ kind: loadSourceKind, load: z.number(), atMs: z.number(), detail: z.string() })
  .meta({ id: "LoadSource" }) satisfies z.ZodType<LoadSource>;

export const vantageView = z
  .object({
    vantage: z.string(),
    up: z.boolean(),
    atMs: z.number(),
    responseMs: z.number().nullable(),
    failure: z.string(),
    timings: z
      .object({
        resolveMs: z.number().nullable(),
        connectMs: z.number().nullable(),
        tlsMs: z.number().nullable(),
        firstByteMs: z.number().nullable(),
      })
      .readonly()
      .exactOptional()
      .meta({ description: "Ms since the start of the check, as far as it got" }),
    certificateDays: z.number().exactOptional().meta({
      description: "Whole days until the server's certificate ends",
    }),
  })
  .meta({ id: "VantageView" }) satisfies z.ZodType<VantageView>;

/** Health of one target as pages show it. */
const measured = {
  state: targetState,
  sinceMs: z.number().nullable().meta({ description: "When the state last changed" }),
  load: z.number().nullable().meta({ description: "0 idle, 1 at capacity; null: never measured" }),
  loadFrom: loadSourceKind.nullable(),
  loadKnown: z.boolean(),
  sources: z.array(loadSource),
  views: z.array(vantageView),
  warnings: z.array(z.string()).optional().meta({
    description: "What is not wrong yet, and sources that cannot be read",
  }),
};

export const originMoment = z.object({
  atMs: z.number(),
  load: z.number().nullable(),
  lookupsPerSec: z.number(),
  fetchesPerSec: z.number(),
});

export const originLive = z
  .object({
    id: z.string(),
    name: z.string(),
    v4: z.string().nullable(),
    v6: z.string().nullable(),
    host: z.string().exactOptional().meta({ description: "The name its addresses come from" }),
    hostProblem: z.string().nullable().exactOptional().meta({
      description: "What is wrong with the last answer for it; the one before holds then",
    }),
    port: z.int(),
    weight: z.number(),
    capacity: z.number(),
    forced: z.enum(["auto", "up", "down", "drain"]).meta({ description: "What holds now" }),
    forcedUntilMs: z.number().optional().meta({ description: "When `forced` ends" }),
    ...measured,
    lookupsPerSec: z.number().meta({ description: "Times a second it was the address answered" }),
    share: z.number().meta({ description: "Its part of the site's answers, 0 to 1" }),
    wanted: z.number().meta({ description: "What that part is meant to be, 0 to 1" }),
    correction: z.number().meta({
      description: "What its weight is multiplied by so that the two come together; 1 for none",
    }),
    fetchesPerSec: z.number().meta({ description: "Fetches by caches on a miss" }),
    fetchShare: z.number().meta({ description: "Its part of these, 0 to 1" }),
    history: z.array(originMoment).meta({ description: "The last 5 minutes, oldest first" }),
  })
  .meta({ id: "OriginLive" });
export type OriginLive = z.infer<typeof originLive>;

export const siteMoment = z.object({
  atMs: z.number(),
  lookupsPerSec: z.number(),
  requestsPerSec: z.number(),
  hitsPerSec: z.number(),
  bytesPerSec: z.number(),
});

export const live = z
  .object({
    atMs: z.number(),
    snapshot: z.int(),
    health: z.int().meta({ description: "Number of the health these figures are from" }),
    assignment: z.int(),
    held: z.string().nullable(),
    lookupsPerSec: z.number(),
    origins: z.array(originLive),
    edge: z.object({
      requestsPerSec: z.number(),
      hitRatio: z.number().nullable().meta({ description: "Null when there were no requests" }),
      bytesPerSec: z.number(),
    }),
    hedges: z.object({ asked: z.number(), won: z.number() }).exactOptional().meta({
      description:
        "Web servers asked beside a slow one in the last 5 minutes, and those whose answer counted",
    }),
    history: z.array(siteMoment).meta({ description: "The last 5 minutes, oldest first" }),
    logs: z
      .array(
        z.object({
          node: z.string(),
          deliveredLines: z.number(),
          lostLines: z.number().meta({ description: "Lines that found no room any more" }),
          waitingBytes: z.number(),
          fault: z.string().nullable().meta({ description: "Why the last attempt failed" }),
        }),
      )
      .optional()
      .meta({ description: "How the delivery of its log goes, since each cache's start" }),
  })
  .meta({ id: "Live" });
export type Live = z.infer<typeof live>;

export const nodeView = z
  .object({
    id: z.string(),
    name: z.string(),
    pop: z.string(),
    roles: z.array(z.enum(["dns", "edge", "probe", "control"])),
    v4: z.string().nullable(),
    v6: z.string().nullable(),
    forced: z.enum(["auto", "up", "down", "drain"]).meta({ description: "What holds now" }),
    forcedUntilMs: z.number().optional().meta({ description: "When `forced` ends" }),
    ...measured,
    snapshot: z.int().nullable().meta({ description: "The newest snapshot it acknowledged" }),
    lookupsPerSec: z.number().meta({ description: "Lookups that its name server answered" }),
    requestsPerSec: z.number(),
    hitRatio: z.number().nullable(),
    bytesPerSec: z.number(),
    answersPerSec: z.number().meta({ description: "Times a second it was the cache answered" }),
    parent: z.string().exactOptional().meta({
      description: "The pop whose caches this one asks before web servers",
    }),
    tier: z.literal("inside").exactOptional().meta({
      description: "Of its pop's caches one fetches each object, and the others ask it",
    }),
    tierRequestsPerSec: z.number().exactOptional().meta({
      description: "Requests of other caches; in no other figure here",
    }),
    tierBytesPerSec: z.number().exactOptional().meta({ description: "Bytes sent to them" }),
  })
  .meta({ id: "NodeView" });
export type NodeView = z.infer<typeof nodeView>;
