import { createRoute, OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { API_PREFIX, problemDetails, type Route, routes } from "../../model/api/mod.ts";

const conditions = z.object({
  "if-match": z.string().optional().meta({
    description: "The entity tag of what was read, or *: 412 with what was changed since",
  }),
  "if-none-match": z.string().optional().meta({ description: "*: 412 where there is one" }),
});

/** The whole API as OpenAPI 3.1, made from the same contracts that are served. */
export function openApiDocument(version: string): object {
  const app = new OpenAPIHono();
  for (const [name, route] of Object.entries(routes)) {
    app.openAPIRegistry.registerPath(describe(name, route));
  }
  app.openAPIRegistry.registerComponent("securitySchemes", "token", {
    type: "http",
    scheme: "bearer",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "session", {
    type: "apiKey",
    in: "cookie",
    name: "__Host-turnpike",
  });
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Turnpike",
      version,
      description: "The control plane of a content delivery network. Errors are RFC 9457 problems.",
    },
    servers: [{ url: API_PREFIX }],
  });
}

function describe(name: string, route: Route) {
  const { method, path, summary, access, params, query, body, reply, status } = route;
  const json = (schema: NonNullable<Route["reply"]>) => ({ "application/json": { schema } });
  return createRoute({
    method,
    path,
    summary,
    operationId: name,
    description: `Access: ${access}`,
    security: access === "anyone" ? [] : [{ token: [] }, { session: [] }],
    request: {
      ...(params === undefined ? {} : { params }),
      ...(query === undefined ? {} : { query }),
      ...(route.conditional === true ? { headers: conditions } : {}),
      ...(body === undefined ? {} : { body: { required: true, content: json(body) } }),
    },
    responses: {
      [status]: { description: summary, ...(reply === undefined ? {} : { content: json(reply) }) },
      default: {
        description: "A problem",
        content: { "application/problem+json": { schema: problemDetails } },
      },
    },
  });
}
