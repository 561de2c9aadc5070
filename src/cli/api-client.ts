import type { z } from "zod";
import { Fault } from "../base/fault.ts";
import type { Problem } from "../base/result.ts";
import {
  API_PREFIX,
  type ProblemDetails,
  type Route,
  type RouteName,
  routes,
} from "../model/api/mod.ts";

type Routes = typeof routes;
type Given<R, K extends string> =
  R extends Readonly<Record<K, infer S extends z.ZodType>> ? z.input<S> : undefined;
type Answer<R> = R extends { readonly reply: infer S extends z.ZodType } ? z.output<S> : null;

/** What a call of a route takes: whatever of path, query and body the route declares. */
export interface Send<R> {
  readonly params?: Given<R, "params">;
  readonly query?: Given<R, "query">;
  readonly body?: Given<R, "body">;
  /** Only where what is changed still has this entity tag, or with null only where there is none; else status 412. */
  readonly ifMatch?: string | null;
}

interface AnySend {
  readonly params?: unknown;
  readonly query?: unknown;
  readonly body?: unknown;
  readonly ifMatch?: string | null;
}

/** The server understood and refused: its words and all problems. */
export class ApiRefusal extends Error {
  override readonly name = "ApiRefusal";
  readonly status: number;
  readonly code: string;
  readonly problems: readonly Problem[];

  constructor(details: ProblemDetails) {
    super(details.detail ?? details.title);
    this.status = details.status;
    this.code = details.code;
    this.problems = details.problems.map(({ path, message, received, line, column }) => ({
      path,
      message,
      ...(received === undefined ? {} : { received }),
      ...(line === undefined ? {} : { line }),
      ...(column === undefined ? {} : { column }),
    }));
  }
}

/** Calls the API by the names of its routes. */
export class ApiClient {
  readonly server: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(server: string, headers: Readonly<Record<string, string>> = {}) {
    this.server = server.replace(/\/+$/, "");
    this.#headers = headers;
  }

  /** @throws ApiRefusal; Fault `bus-timeout` when the server cannot be reached */
  async call<N extends RouteName>(name: N, send: Send<Routes[N]> = {}): Promise<Answer<Routes[N]>> {
    const { answer } = await this.#send(routes[name], send);
    return answer as Answer<Routes[N]>;
  }

  /** Signs in as a browser does; the client that it gives calls with that session. */
  async signIn(email: string, password: string): Promise<ApiClient> {
    const { headers } = await this.#send(routes.signIn, { body: { email, password } });
    const cookie = headers.getSetCookie().map((text) => text.split(";", 1)[0]);
    const origin = new URL(this.server).origin;
    return new ApiClient(this.server, { cookie: cookie.join("; "), origin });
  }

  async #send(route: Route, send: AnySend): Promise<{ answer: unknown; headers: Headers }> {
    const params = (send.params ?? {}) as Record<string, string>;
    const path = route.path.replace(/\{(\w+)\}/g, (_, key: string) => {
      return encodeURIComponent(params[key] ?? "");
    });
    const query = Object.entries((send.query ?? {}) as Record<string, unknown>)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`);
    const url = `${this.server}${API_PREFIX}${path}${query.length > 0 ? "?" : ""}${query.join("&")}`;
    const response = await reach(url, {
      method: route.method.toUpperCase(),
      headers: { ...this.#headers, "content-type": "application/json", ...conditionOf(send) },
      ...(send.body === undefined ? {} : { body: JSON.stringify(send.body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    const answer = parsed(text, url);
    if (!response.ok) throw refusalOf(response.status, answer);
    return { answer, headers: response.headers };
  }
}

function conditionOf({ ifMatch }: AnySend): Record<string, string> {
  if (ifMatch === undefined) return {};
  return ifMatch === null ? { "if-none-match": "*" } : { "if-match": ifMatch };
}

async function reach(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new Fault("bus-timeout", `cannot reach ${url}: ${why}`, { cause });
  }
}

function parsed(text: string, url: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch (cause) {
    const detail = `${url} is not the API of a control plane`;
    throw new Fault("bus-timeout", detail, { cause });
  }
}

function refusalOf(status: number, answer: unknown): ApiRefusal {
  const details = answer as Partial<ProblemDetails> | null;
  const title = details?.title ?? `The server answered with status ${status}`;
  const problems = Array.isArray(details?.problems) ? details.problems : [];
  const base = { type: "about:blank", title, status, code: details?.code ?? "", problems };
  return new ApiRefusal(details?.detail === undefined ? base : { ...base, detail: details.detail });
}
