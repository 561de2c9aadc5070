import type { z } from "zod";
import { API_PREFIX, type Route, type RouteName, routes } from "../../src/model/api/mod.ts";
import { Refusal } from "./asked.ts";
import { handlers } from "./handlers.ts";
import type { World } from "./world.ts";

/**
 * A double of the API for tests of the portal: routes, parameters, bodies and answers are those of
 * `model/api`, checked by its own parsers, so what the portal is shown here is what the contract
 * allows. It keeps a small world in memory.
 */
export function apiDouble(world: World): (request: Request) => Promise<Response> {
  return async (request) => {
    const url = new URL(request.url);
    if (world.failWith !== null) return problem(world.failWith, "The database is busy");
    for (const [name, one] of Object.entries(routes) as [RouteName, Route][]) {
      if (one.method !== request.method.toLowerCase()) continue;
      const found = matched(API_PREFIX + one.path, url.pathname);
      if (found !== null) return answer(world, { name, one, found, request, url });
    }
    return problem(404, "There is nothing at this name");
  };
}

function matched(template: string, path: string): Record<string, string> | null {
  const names = [...template.matchAll(/\{([a-z]+)\}/gi)].map((m) => m[1] ?? "");
  const pattern = new RegExp(`^${template.replace(/\{[a-z]+\}/gi, "([^/]+)")}$`);
  const hit = pattern.exec(path);
  if (hit === null) return null;
  return Object.fromEntries(names.map((n, i) => [n, decodeURIComponent(hit[i + 1] ?? "")]));
}

interface Asked {
  readonly name: RouteName;
  readonly one: Route;
  readonly found: Record<string, string>;
  readonly request: Request;
  readonly url: URL;
}

async function answer(world: World, asked: Asked): Promise<Response> {
  const { one } = asked;
  const handler = handlers[asked.name];
  if (handler === undefined) return problem(404, `The double does not have ${asked.name}`);
  const text = await asked.request.text();
  try {
    const input = {
      params: parsed(one.params, asked.found) as Record<string, string>,
      query: parsed(one.query, Object.fromEntries(asked.url.searchParams)),
      body: parsed(one.body, text === "" ? undefined : JSON.parse(text)),
      ifMatch: asked.request.headers.get("if-match"),
      cookie: /tp_session=([^;]+)/.exec(asked.request.headers.get("cookie") ?? "")?.[1] ?? null,
    };
    const out = handler(world, input);
    if (one.reply === undefined) {
      return new Response(null, { status: 204, headers: out.headers ?? {} });
    }
    return Response.json(one.reply.parse(out.reply), {
      status: one.status,
      headers: out.headers ?? {},
    });
  } catch (error) {
    if (error instanceof Refusal) return problem(error.status, error.message, error.more);
    throw error;
  }
}

function parsed(schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const problems = result.error.issues.map((i) => ({ path: i.path.join("."), message: i.message }));
  throw new Refusal(422, "The input has problems", { problems });
}

function problem(
  status: number,
  title: string,
  more: { problems?: readonly unknown[]; retryAfterSec?: number } = {},
): Response {
  const headers: Record<string, string> = { "content-type": "application/problem+json" };
  if (more.retryAfterSec !== undefined) headers["retry-after"] = String(more.retryAfterSec);
  return new Response(
    JSON.stringify({
      type: "about:blank",
      title,
      status,
      code: "bad-input",
      problems: more.problems ?? [],
    }),
    { status, headers },
  );
}
