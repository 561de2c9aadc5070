import type { Hono } from "hono";
import type { z } from "zod";
import { Fault } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { Problem } from "../../base/result.ts";
import { API_PREFIX, type Route, type RouteName, routes } from "../../model/api/mod.ts";
import { problemsOf } from "../../model/document.ts";
import type { Auth } from "../auth.ts";
import { type Caller, mayCall } from "../caller.ts";
import { callerOf, refuseForgery } from "./guard.ts";
import { API_HEADERS, problemResponse } from "./problem.ts";

/** Bodies longer than this are refused; a network file may be much longer than a form. */
const FORM_BYTES_MAX = 1_048_576;
const FILE_BYTES_MAX = 33_554_432;
const ZONE_BYTES_MAX = 10_000_000;

type Routes = typeof routes;
type Parsed<S> = S extends z.ZodType ? z.output<S> : undefined;
type Field<R, K extends string> = R extends Readonly<Record<K, infer S>> ? Parsed<S> : undefined;

/** One call, checked: who calls may call it, and what was sent has the route's shape. */
export interface Ask<R extends Route> {
  readonly caller: Caller;
  readonly params: Field<R, "params">;
  readonly query: Field<R, "query">;
  readonly body: Field<R, "body">;
  readonly request: Request;
  /** The client's address as the socket has it. */
  readonly address: string;
  /** Headers that the answer gets besides the usual. */
  readonly headers: Headers;
}

export type Reply<R> = R extends { readonly reply: infer S extends z.ZodType }
  ? z.input<S>
  : undefined;
export type Handler<N extends RouteName> = (ask: Ask<Routes[N]>) => Promise<Reply<Routes[N]>>;
export type Handlers = { readonly [N in RouteName]: Handler<N> };

export interface ServeOptions {
  readonly auth: Auth;
  readonly log: Log;
  readonly addressOf: (request: Request) => string;
}

/** Mounts handlers on their routes, each behind the same steps in the same order. */
export function serve(app: Hono, handlers: Handlers, o: ServeOptions): void {
  for (const [name, handler] of Object.entries(handlers)) {
    const route: Route = routes[name as RouteName];
    const path = API_PREFIX + route.path.replace(/\{(\w+)\}/g, ":$1");
    app.on(route.method.toUpperCase(), path, async (c) => {
      try {
        // The table's types tie handler and route together; here they are all alike.
        const run = handler as unknown as (ask: Ask<Route>) => Promise<unknown>;
        return await answer(route, run, { request: c.req.raw, params: c.req.param(), ...o });
      } catch (error) {
        return problemResponse(error, o.log);
      }
    });
  }
}

/** who -> forged? -> may they? -> shape -> act -> answer */
async function answer(
  route: Route,
  run: (ask: Ask<Route>) => Promise<unknown>,
  o: ServeOptions & { readonly request: Request; readonly params: Record<string, string> },
): Promise<Response> {
  const { request, params } = o;
  const caller = await callerOf(o.auth, request);
  refuseForgery(request, caller);
  mayCall(caller, route, params.customer);
  const headers = new Headers(API_HEADERS);
  const query = Object.fromEntries(new URL(request.url).searchParams);
  const problems: Problem[] = [];
  const parsed = {
    params: parse(route.params, params, problems),
    query: parse(route.query, query, problems),
    body: route.body === undefined ? undefined : await readBody(route, request, caller, problems),
  };
  if (problems.length > 0) throw new Fault("bad-input", "", { problems });
  const address = o.addressOf(request);
  const reply = await run({ caller, ...parsed, request, address, headers } as Ask<Route>);
  if (route.status === 204) return new Response(null, { status: 204, headers });
  return Response.json(reply, { status: route.status, headers });
}

function parse(schema: z.ZodType | undefined, raw: unknown, problems: Problem[]): unknown {
  if (schema === undefined) return undefined;
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  problems.push(...problemsOf(parsed.error, raw).map(hidden));
  return undefined;
}

function hidden(problem: Problem): Problem {
  return problem.path.endsWith("password") ? { ...problem, received: "(hidden)" } : problem;
}

async function readBody(
  route: Route,
  request: Request,
  caller: Caller,
  problems: Problem[],
): Promise<unknown> {
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json(\s*;|$)/i.test(type)) {
    // What a form of another site can send is not JSON: no cookie goes with anything else.
    if (caller.via !== "token") throw new Fault("not-allowed", "expected JSON");
    problems.push({ path: "", message: "expected application/json", received: type });
    return undefined;
  }
  const longer = route === routes.putZone ? ZONE_BYTES_MAX : FORM_BYTES_MAX;
  const file = route === routes.apply || route === routes.simulate;
  const limit = file ? FILE_BYTES_MAX : longer;
  const text = await readText(request, limit);
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    problems.push({ path: "", message: "expected JSON", received: `${text.length} characters` });
    return undefined;
  }
  return parse(route.body, raw, problems);
}

async function readText(request: Request, bytesMax: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > bytesMax) {
      const message = `expected at most ${bytesMax} bytes`;
      throw new Fault("bad-input", "", { problems: [{ path: "", message }] });
    }
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
