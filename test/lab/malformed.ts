import { assert } from "../../src/base/assert.ts";

export type Field = readonly [string, string];

/** A request in the fields of HTTP/2 and HTTP/3 that is malformed, or nothing that a cache takes from anybody. */
export interface Malformed {
  /** Unlike every other's. */
  readonly what: string;
  readonly fields: readonly Field[];
  readonly body?: string;
}

type Head = (
  more?: Partial<Record<"method" | "scheme" | "authority" | "path", string>>,
) => readonly Field[];

/** The pseudo-fields of a request to this host. */
export function headFor(host: string): Head {
  return (more = {}) => {
    const all = { method: "GET", scheme: "https", authority: host, path: "/p", ...more };
    return Object.entries(all).map(([name, value]): Field => [`:${name}`, value]);
  };
}

/** Threats H3, H6 and H7: what these protocols can say and HTTP/1.1 would take for something else. */
export function malformed(host: string): readonly Malformed[] {
  const head = headFor(host);
  return [...inFields(head), ...inPseudoFields(head), ...inAuthority(head, host), ...unfit(head)];
}

/** Each with what is known of it by its name: all that is known is of one of them. */
export function eachWith<T>(
  cases: readonly Malformed[],
  known: Readonly<Record<string, T>>,
): readonly (readonly [Malformed, T | undefined])[] {
  const names = new Set(cases.map(({ what }) => what));
  assert(names.size === cases.length, "Cases have a name each");
  const strays = Object.keys(known).filter((name) => !names.has(name));
  assert(strays.length === 0, `What is known is of a case: ${strays.join("; ")}`);
  return cases.map((one) => [one, known[one.what]]);
}

function inFields(head: Head): Malformed[] {
  const post = head({ method: "POST" });
  const posted = (what: string, ...more: readonly Field[]): Malformed => ({
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
    { what: "DEL in a field", fields: [...head(), ["x-a", "b\x7fc"]] },
  ];
}

function inPseudoFields(head: Head): Malformed[] {
  const of = (what: string, fields: readonly Field[]): Malformed => ({ what, fields });
  const without = (name: string) => head().filter((field) => field[0] !== name);
  const paths = ["/a\r\nx: 1", "/a HTTP/1.1\r\nHost: x\r\n\r\nGET /b", "/a b", "/a\0b", "", "abc"];
  return [
    ...[...paths, "http://evil.example/x"].map((path) =>
      of(`the path ${JSON.stringify(path)}`, head({ path })),
    ),
    of("a fragment in the path", head({ path: "/a#b" })),
    of("a star for a path", head({ method: "OPTIONS", path: "*" })),
    of("a method with a line in it", head({ method: "GET /x HTTP/1.1\r\n" })),
    of("an empty method", head({ method: "" })),
    of("two paths", [...head(), [":path", "/q"]]),
    of("two authorities", [...head(), [":authority", "b.example"]]),
    of("a pseudo-field after a field", [...without(":path"), ["x-a", "b"], [":path", "/p"]]),
    of("a pseudo-field nobody knows", [...head(), [":x", "b"]]),
    of("a status in a request", [...head(), [":status", "200"]]),
    ...[":path", ":method", ":scheme", ":authority"].map((name) => of(`no ${name}`, without(name))),
  ];
}

function inAuthority(head: Head, host: string): Malformed[] {
  const of = (what: string, authority: string) => ({ what, fields: head({ authority }) });
  const nameless = head().filter((field) => field[0] !== ":authority");
  return [
    { what: "an authority that is not the Host", fields: [...head(), ["host", "evil.example"]] },
    { what: "one Host twice", fields: [...nameless, ["host", host], ["host", host]] },
    of("an IPv6 literal", "[::1]"),
    of("two hosts in one authority", `${host}, ${host}`),
    of("user information", `x@${host}`),
    of("a path in the authority", `${host}/x`),
    of("a line in the authority", `${host}\r\nx: 1`),
    of("a host of nobody here", "nobody.example"),
  ];
}

/** Well-formed, and still nobody's to ask for; or too much. */
function unfit(head: Head): Malformed[] {
  const many = Array.from({ length: 300 }, (_, i): Field => [`x-${i}`, "b"]);
  return [
    { what: "a method that is none of HTTP's", fields: head({ method: "BAN" }) },
    { what: "PURGE without a token", fields: head({ method: "PURGE" }) },
    { what: "TRACE", fields: head({ method: "TRACE" }) },
    { what: "CONNECT", fields: [...head({ method: "CONNECT" }), [":protocol", "websocket"]] },
    { what: "a loop", fields: [...head(), ["cdn-loop", "cdn.example"]] },
    { what: "20 KB in a field", fields: [...head(), ["x-a", "b".repeat(20_000)]] },
    { what: "300 fields", fields: [...head(), ...many] },
  ];
}
