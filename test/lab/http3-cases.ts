/** A request over HTTP/3 whose fields RFC 9114 calls malformed, or that HTTP/1.1 would take for something else. */
export interface Http3Case {
  readonly what: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body?: string;
  /**
   * `METHOD target body` as a web server gets it, for what the runtime takes although RFC 9114 would have it
   * refused: it hands over a request like any other. Left out: nothing reaches anybody.
   */
  readonly reaches?: string;
}

type Field = readonly [string, string];

type Head = (more?: Partial<Record<"method" | "scheme" | "authority" | "path", string>>) => Field[];

/** Threats H3, H6 and H7 over HTTP/3. */
export function HTTP3_CASES(host: string): readonly Http3Case[] {
  const head: Head = (more = {}) => {
    const all = { method: "GET", scheme: "https", authority: host, path: "/p", ...more };
    return Object.entries(all).map(([name, value]): Field => [`:${name}`, value]);
  };
  return [...fieldCases(head), ...headCases(head, host)];
}

function fieldCases(head: Head): Http3Case[] {
  const post = head({ method: "POST" });
  const posted = (what: string, ...more: readonly Field[]): Http3Case => ({
    ...{ what, fields: [...post, ...more], body: "hello" },
  });
  const inField = ["\r\nX-B: 1", "\r\ntransfer-encoding: chunked", "\n", "\r", "\0", "\x01"];
  const names = ["x-a\r\nx-b", "x-a:b", "x a", "X-A", "x\x7f", ""];
  return [
    posted("a length shorter than the body", ["content-length", "3"]),
    posted("a length longer than the body", ["content-length", "9"]),
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

function headCases(head: Head, host: string): Http3Case[] {
  const without = (name: string) => head().filter((field) => field[0] !== name);
  const got = (what: string, fields: readonly Field[], reaches?: string): Http3Case => ({
    ...{ what, fields },
    ...(reaches === undefined ? {} : { reaches }),
  });
  const inPath = ["/a\r\nx: 1", "/a HTTP/1.1\r\nHost: x\r\n\r\nGET /b", "/a b", "/a\0b", "", "abc"];
  return [
    ...[...inPath, "http://evil.example/x"].map((path) =>
      got(
        `the path ${JSON.stringify(path)}`,
        head({ path }),
        path === "/a b" ? "GET /a%20b" : undefined,
      ),
    ),
    got("DEL in a field", [...head(), ["x-a", "b\x7fc"]]),
    got("a fragment in the path", head({ path: "/a#b" })),
    got("a star for a path", head({ method: "OPTIONS", path: "*" })),
    got("a method with a line in it", head({ method: "GET /x HTTP/1.1\r\n" })),
    got("an empty method", head({ method: "" }), "GET /p"),
    got("two paths", [...head(), [":path", "/q"]], "GET /q"),
    got("two authorities", [...head(), [":authority", "b.example"]]),
    got("two methods", [...head(), [":method", "POST"]], "POST /p"),
    got(
      "a pseudo-field after a field",
      [...without(":path"), ["x-a", "b"], [":path", "/p"]],
      "GET /p",
    ),
    got("a pseudo-field nobody knows", [...head(), [":x", "b"]], "GET /p"),
    got("a status in a request", [...head(), [":status", "200"]], "GET /p"),
    ...[":path", ":authority"].map((name) => got(`no ${name}`, without(name))),
    ...[":method", ":scheme"].map((name) => got(`no ${name}`, without(name), "GET /p")),
    got("an authority that is not the Host", [...head(), ["host", "evil.example"]], "GET /p"),
    got("one Host twice", [...without(":authority"), ["host", host], ["host", host]], "GET /p"),
    got(
      "two Hosts",
      [...without(":authority"), ["host", host], ["host", "evil.example"]],
      "GET /p",
    ),
    got("an IPv6 literal", head({ authority: "[::1]" })),
    got("two hosts in one authority", head({ authority: `${host}, ${host}` })),
    got("user information", head({ authority: `x@${host}` })),
    got("a path in the authority", head({ authority: `${host}/x` })),
    got("a line in the authority", head({ authority: `${host}\r\nx: 1` })),
    got("a host of nobody here", head({ authority: "nobody.example" })),
    got("a method that is none of HTTP's", head({ method: "BAN" }), "GET /p"),
    got("PURGE without a token", head({ method: "PURGE" })),
    got("TRACE", head({ method: "TRACE" })),
    got("CONNECT", [...head({ method: "CONNECT" }), [":protocol", "websocket"]]),
    got("a loop", [...head(), ["cdn-loop", "cdn.example"]]),
    got("20 KB in a field", [...head(), ["x-a", "b".repeat(20_000)]]),
    got("300 fields", [
      ...head(),
      ...Array.from({ length: 300 }, (_, i): Field => [`x-${i}`, "b"]),
    ]),
  ];
}
