import { END_HEADERS, END_STREAM, FRAME, fieldBlock, frame } from "./raw-http2.ts";

export interface Http2Case {
  readonly what: string;
  readonly frames: readonly Buffer[];
  /** `METHOD target body` as the origin gets it; null: nothing reaches it. */
  readonly reaches: string | null;
  /** For what reaches nobody: the stream or connection ended, or answered with a status. */
  readonly answer?: "reset" | number;
}

type Field = readonly [string, string];

/** Threats H3, H6 and H7: what HTTP/2 can say and HTTP/1.1 would take for something else. */
export function HTTP2_CASES(host: string): readonly Http2Case[] {
  return [...fieldCases(host), ...headCases(host), ...takenCases(host)];
}

type Head = (
  more?: Partial<Record<"method" | "scheme" | "authority" | "path", string>>,
) => readonly Field[];

function headFor(host: string): Head {
  return (more = {}) => {
    const all = { method: "GET", scheme: "https", authority: host, path: "/p", ...more };
    return Object.entries(all).map(([name, value]): Field => [`:${name}`, value]);
  };
}

function refused(
  what: string,
  fields: readonly Field[],
  o: { readonly body?: string; readonly answer?: number } = {},
): Http2Case {
  return { what, frames: request(fields, o.body), reaches: null, answer: o.answer ?? "reset" };
}

function fieldCases(host: string): Http2Case[] {
  const post = headFor(host)({ method: "POST" });
  const posted = (what: string, ...more: readonly Field[]) =>
    refused(what, [...post, ...more], { body: "hello" });
  const inField = ["\r\nX-B: 1", "\r\ntransfer-encoding: chunked", "\n", "\r", "\0", "\x01"];
  const names = ["x-a\r\nx-b", "x-a:b", "x a", "X-A", "x\x7f", ""];
  return [
    posted("a length shorter than the body", ["content-length", "3"]),
    posted("a length longer than the body", ["content-length", "9"]),
    posted("two lengths", ["content-length", "5"], ["content-length", "5"]),
    posted("two lengths that differ", ["content-length", "5"], ["content-length", "6"]),
    posted("a length with a sign", ["content-length", "+5"]),
    posted("Transfer-Encoding", ["transfer-encoding", "chunked"]),
    posted("Connection", ["connection", "close"]),
    posted("Keep-Alive", ["keep-alive", "1"]),
    posted("Proxy-Connection", ["proxy-connection", "x"]),
    posted("Upgrade", ["upgrade", "h2c"]),
    posted("TE of another kind", ["te", "gzip"]),
    ...inField.map((bad) => posted(`${JSON.stringify(bad)} in a field`, ["x-a", `b${bad}c`])),
    ...names.map((bad) => posted(`the field name ${JSON.stringify(bad)}`, [bad, "c"])),
  ];
}

function headCases(host: string): Http2Case[] {
  const head = headFor(host);
  const without = (name: string) => head().filter((field) => field[0] !== name);
  const inPath = ["/a\r\nx: 1", "/a HTTP/1.1\r\nHost: x\r\n\r\nGET /b", "/a b", "/a\0b", "", "abc"];
  const post = head({ method: "POST" });
  return [
    ...[...inPath, "http://evil.example/x"].map((path) =>
      refused(`the path ${JSON.stringify(path)}`, head({ path })),
    ),
    refused("DEL in a field", [...head(), ["x-a", "b\x7fc"]], { answer: 400 }),
    refused("a fragment in the path", head({ path: "/a#b" }), { answer: 400 }),
    refused("a star for a path", head({ method: "OPTIONS", path: "*" }), { answer: 400 }),
    refused("a method with a line in it", head({ method: "GET /x HTTP/1.1\r\n" })),
    refused("a method in lower case", head({ method: "get" }), { answer: 501 }),
    refused("an empty method", head({ method: "" })),
    refused("two paths", [...head(), [":path", "/q"]]),
    refused("two authorities", [...head(), [":authority", "b.example"]]),
    refused("a pseudo-field after a field", [...without(":path"), ["x-a", "b"], [":path", "/p"]]),
    refused("a pseudo-field nobody knows", [...head(), [":x", "b"]]),
    refused("a status in a request", [...head(), [":status", "200"]]),
    ...[":path", ":method", ":scheme", ":authority"].map((name) =>
      refused(`no ${name}`, without(name)),
    ),
    refused("an authority that is not the Host", [...head(), ["host", "evil.example"]]),
    refused("two Hosts", [...without(":authority"), ["host", host], ["host", host]]),
    refused("an IPv6 literal", head({ authority: "[::1]" }), { answer: 400 }),
    refused("two hosts in one authority", head({ authority: `${host}, ${host}` }), { answer: 400 }),
    refused("a method that is none of HTTP's", head({ method: "BAN" }), { answer: 501 }),
    refused("PURGE without a token", head({ method: "PURGE" }), { answer: 405 }),
    refused("TRACE", head({ method: "TRACE" }), { answer: 405 }),
    refused("user information", head({ authority: `x@${host}` })),
    refused("a path in the authority", head({ authority: `${host}/x` }), { answer: 400 }),
    refused("a line in the authority", head({ authority: `${host}\r\nx: 1` })),
    refused("a host of nobody here", head({ authority: "nobody.example" }), { answer: 421 }),
    refused("CONNECT", [...head({ method: "CONNECT" }), [":protocol", "websocket"]]),
    refused("a loop", [...head(), ["cdn-loop", "cdn.example"]], { answer: 508 }),
    refused("20 KB in a field", [...head(), ["x-a", "b".repeat(20_000)]]),
    refused(
      "300 fields",
      [...head(), ...Array.from({ length: 300 }, (_, i): Field => [`x-${i}`, "b"])],
      { answer: 431 },
    ),
    {
      ...refused("a pseudo-field in the trailers", post),
      frames: [...request(post, "hello", 0), trailers([[":path", "/x"]])],
    },
  ];
}

function takenCases(host: string): Http2Case[] {
  const head = headFor(host);
  const without = (name: string) => head().filter((field) => field[0] !== name);
  const post = head({ method: "POST" });
  const taken = (what: string, fields: readonly Field[], reaches: string, body?: string) => ({
    ...{ what, reaches },
    frames: request(fields, body),
  });
  return [
    taken("GET", head(), "GET /p"),
    taken("POST", post, "POST /p hello", "hello"),
    taken("POST with its length", [...post, ["content-length", "5"]], "POST /p hello", "hello"),
    taken("TE: trailers", [...post, ["te", "trailers"]], "POST /p hello", "hello"),
    taken("cookies in crumbs", [...head(), ["cookie", "a=b"], ["cookie", "c=d"]], "GET /p"),
    taken("case, port and final dot", head({ authority: `${host.toUpperCase()}.:443` }), "GET /p"),
    taken("a Host that is the authority", [...head(), ["host", host]], "GET /p"),
    taken("a Host in place of the authority", [...without(":authority"), ["host", host]], "GET /p"),
    taken("GET with a body, which is nobody's", head(), "GET /p", "hello"),
    taken(
      "a body that looks like a request",
      post,
      `POST /p 0\r\n\r\n${SMUGGLED}`,
      `0\r\n\r\n${SMUGGLED}`,
    ),
    {
      ...taken("trailers", post, "POST /p hello"),
      frames: [...request(post, "hello", 0), trailers([["x-t", "1"]])],
    },
  ];
}

const SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: x";

function request(fields: readonly Field[], body?: string, last = END_STREAM): Buffer[] {
  const flags = END_HEADERS | (body === undefined ? END_STREAM : 0);
  const head = frame(FRAME.headers, { stream: 1, flags, payload: fieldBlock(fields) });
  if (body === undefined) return [head];
  return [head, frame(FRAME.data, { stream: 1, flags: last, payload: Buffer.from(body) })];
}

function trailers(fields: readonly Field[]): Buffer {
  const flags = END_HEADERS | END_STREAM;
  return frame(FRAME.headers, { stream: 1, flags, payload: fieldBlock(fields) });
}
