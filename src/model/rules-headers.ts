import { z } from "zod";

const NAME = /^[\w!#$%&'*+.^`|~-]{1,64}$/;

/** Fields that belong to one connection, or by which caches know each other (threats H13, H20). */
const CONNECTION =
  /^(connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|content-length|via|cdn-loop|host)$/;
/** What the edge settles by itself: where a client is, what it accepts, what it holds already. */
const OF_REQUEST =
  /^(x-forwarded-(for|proto)|accept-encoding|range|if-.*|content-(encoding|type|range)|http2-settings)$/;
/** A rule cannot give what is one user's own; it can take it away. */
const ONE_USERS = /^(cookie|authorization)$/;
/** What says how bytes are to be read and kept: other settings of rules are for that. */
const OF_RESPONSE =
  /^(age|date|etag|last-modified|vary|content-(encoding|range|length)|accept-ranges|cache-control|expires|cache-status|proxy-status|cdn-cache-control|turnpike-cache-control|location)$/;
const COOKIES = /^set-cookie2?$/;

/** Whether a request's field may be given to web servers by who configures a site. Lower case. */
export function mayGiveRequest(name: string): boolean {
  return (
    NAME.test(name) && !CONNECTION.test(name) && !OF_REQUEST.test(name) && !ONE_USERS.test(name)
  );
}

const value = z.string().regex(/^[\x20-\x7e]{0,1024}$/, {
  message: "expected up to 1024 printable ASCII characters on one line",
});

function edits(
  mayName: (name: string) => boolean,
  mayGive: (name: string) => boolean,
  message: string,
) {
  const named = z
    .string()
    .regex(NAME, { message: "expected a field name" })
    .transform((name) => name.toLowerCase());
  const given = z
    .record(
      named.refine((name) => mayName(name) && mayGive(name), { message }),
      value,
    )
    .refine((fields) => Object.keys(fields).length <= 20, {
      message: "expected at most 20 fields",
    });
  return z.strictObject({
    set: given.optional().meta({ description: "In place of whatever is there" }),
    add: given.optional().meta({ description: "Beside whatever is there" }),
    remove: z.array(named.refine(mayName, { message })).max(20).optional().meta({
      description: "Not sent on",
    }),
  });
}

export const requestEdits = edits(
  (name) => !CONNECTION.test(name) && !OF_REQUEST.test(name),
  (name) => !ONE_USERS.test(name),
  "expected a field that a rule may change on the way to a web server",
);

export const responseEdits = edits(
  (name) => !CONNECTION.test(name) && !OF_RESPONSE.test(name),
  (name) => !COOKIES.test(name),
  "expected a field that a rule may change on the way to a client",
);

/** Names in lower case. */
export type HeaderEdits = z.infer<typeof requestEdits>;
