import { eachWith, type Field, headFor, type Malformed, malformed } from "./malformed.ts";
import { END_HEADERS, END_STREAM, FRAME, fieldBlock, frame } from "./raw-http2.ts";

export interface Http2Case {
  readonly what: string;
  readonly frames: readonly Buffer[];
  /** `METHOD target body` as the origin gets it; null: nothing reaches it. */
  readonly reaches: string | null;
  /** For what reaches nobody: the stream or connection ended, or answered with a status. */
  readonly answer?: "reset" | number;
}

/** What is answered with a status: the stream or the connection of all others is ended. */
const ANSWERED: Readonly<Record<string, number>> = {
  "DEL in a field": 400,
  "a fragment in the path": 400,
  "a star for a path": 400,
  "an IPv6 literal": 400,
  "two hosts in one authority": 400,
  "a path in the authority": 400,
  "a method in lower case": 501,
  "a method that is none of HTTP's": 501,
  "PURGE without a token": 405,
  TRACE: 405,
  "a host of nobody here": 421,
  "300 fields": 431,
  "a loop": 508,
};

/** Threats H3, H6 and H7: what HTTP/2 can say and HTTP/1.1 would take for something else. */
export function HTTP2_CASES(host: string): readonly Http2Case[] {
  return [...refusedCases(host), ...takenCases(host)];
}

function refusedCases(host: string): Http2Case[] {
  const head = headFor(host);
  const post = head({ method: "POST" });
  const twice: Field = ["content-length", "5"];
  const own: Malformed[] = [
    { what: "two lengths", fields: [...post, twice, twice], body: "hello" },
    { what: "a method in lower case", fields: head({ method: "get" }) },
  ];
  const cases = eachWith([...malformed(host), ...own], ANSWERED);
  return [
    ...cases.map(([{ what, fields, body }, status]): Http2Case => {
      return { what, frames: request(fields, body), reaches: null, answer: status ?? "reset" };
    }),
    {
      ...{ what: "a pseudo-field in the trailers", reaches: null, answer: "reset" },
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
