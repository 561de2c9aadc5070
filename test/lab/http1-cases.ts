import { seededRng } from "../../src/base/rng.ts";

/** A request as bytes, and what must come of it. */
export interface Http1Case {
  readonly what: string;
  readonly bytes: string;
  /** `METHOD target body` as the origin gets it; null: nothing reaches it. */
  readonly reaches: string | null;
  /** Where it is not 200: the first status, or "closed" without one. */
  readonly status?: number | "closed";
}

const CHUNKED = "Transfer-Encoding: chunked";
const GOOD_CHUNKS = "5\r\nhello\r\n0\r\n\r\n";
const extended = (bytes: number) => `5;${"a".repeat(bytes)}\r\nhello\r\n0\r\n\r\n`;
const extendedLast = (bytes: number) => `5\r\nhello\r\n0;${"a".repeat(bytes)}\r\n\r\n`;

type Write = (fields: string, body: string, line?: string) => string;

/** Threats H1, H2 and H4: framings that two readers could take for two things, and plain ones. */
export function HTTP1_CASES(host: string): readonly Http1Case[] {
  const post: Write = (fields, body, line = "POST /p HTTP/1.1") =>
    `${line}\r\nHost: ${host}\r\n${fields}\r\n\r\n${body}`;
  const smuggled = `GET /smuggled HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
  return [...refusedCases(post, smuggled), ...takenCases(post, smuggled), ...lineCases(host)];
}

const LENGTHS = ["+5", "-5", "0x5", "5 5", "5;", "", "5, 5", "5,6", "18446744073709551621", "5.0"];
const CODINGS = [
  ...["xchunked", "chunked, identity", "identity, chunked", "gzip, chunked", '"chunked"', ""],
  ...["\x0bchunked", "chunked;q=1", "chunked\x00", "chunked, chunked", "\xa0chunked"],
];
const CHUNKS = [
  ...["5\nhello\n0\n\n", "5\r\nhello\n0\r\n\r\n", "5;a\nb\r\nhello\r\n0\r\n\r\n"],
  ...["0x5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n"],
  ...["5 \r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n", "\r\n5\r\nhello\r\n0\r\n\r\n"],
  ...["5\r\nhelloXX\r\n0\r\n\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n"],
  // A line end that only some take for one (TERM.EXT).
  "5;\nhello\r\n0\r\n\r\n",
  ...["5\r\nhello\r0\r\n\r\n", "5\rhello\r0\r\r", "ffffffffffffffff\r\nhello\r\n0\r\n\r\n"],
];

function refusedCases(post: Write, smuggled: string): Http1Case[] {
  const refused = (what: string, fields: string, body: string, line?: string): Http1Case => ({
    ...{ what, reaches: null, status: 400 },
    bytes: post(fields, body + smuggled, line),
  });
  return [
    refused("CL.TE", `Content-Length: 4\r\n${CHUNKED}`, "0\r\n\r\n"),
    refused("TE.CL", `${CHUNKED}\r\nContent-Length: 4`, GOOD_CHUNKS),
    refused("two lengths that differ", "Content-Length: 5\r\nContent-Length: 6", "hello"),
    refused("a blank before the colon", "Content-Length : 5", "hello"),
    refused("a folded line", "X-A: 1\r\n Content-Length: 5", "hello"),
    refused("a folded coding", "Transfer-Encoding:\r\n chunked", GOOD_CHUNKS),
    refused("two codings", `${CHUNKED}\r\nTransfer-Encoding: identity`, GOOD_CHUNKS),
    refused("chunked twice", `${CHUNKED}\r\n${CHUNKED}`, GOOD_CHUNKS),
    refused("a coding after a blank", ` ${CHUNKED}`, GOOD_CHUNKS),
    refused("a coding after a bare LF", `X: y\n${CHUNKED}`, GOOD_CHUNKS),
    refused("a coding after a bare CR", `X: y\r${CHUNKED}`, GOOD_CHUNKS),
    refused("a coding in HTTP/1.0", CHUNKED, GOOD_CHUNKS, "POST /p HTTP/1.0"),
    refused("a coding with a blank in its name", "Transfer Encoding: chunked", GOOD_CHUNKS),
    ...LENGTHS.map((value) =>
      refused(`Content-Length ${JSON.stringify(value)}`, `Content-Length: ${value}`, "hello"),
    ),
    ...CODINGS.map((value) =>
      refused(`the coding ${JSON.stringify(value)}`, `Transfer-Encoding: ${value}`, GOOD_CHUNKS),
    ),
    { ...refused("16 KB in a chunk's extension", CHUNKED, extended(16_384)), status: 413 },
    { ...refused("16 KB in the last chunk's", CHUNKED, extendedLast(16_384)), status: 413 },
    ...CHUNKS.map((body) => refused(`chunks ${JSON.stringify(body)}`, CHUNKED, body)),
  ];
}

function takenCases(post: Write, smuggled: string): Http1Case[] {
  const taken = (what: string, fields: string, body: string, line?: string): Http1Case => ({
    ...{ what, reaches: "POST /p hello" },
    bytes: post(fields, body, line),
  });
  return [
    // The listener takes no trailers: it hands the body over, and answers 400 for what follows it.
    ...["X-T: 1", "Content-Length: 50", "no colon"].map((line) => ({
      ...taken(`the trailer ${line}`, CHUNKED, `5\r\nhello\r\n0\r\n${line}\r\n\r\n${smuggled}`),
      status: 400,
    })),
    taken("a length", "Content-Length: 5", "hello"),
    taken("one length said twice", "Content-Length: 5\r\nContent-Length: 5", "hello"),
    taken("a length with a zero before it", "Content-Length: 05", "hello"),
    taken("a tab before a length", "Content-Length:\t5", "hello"),
    taken("chunks", CHUNKED, GOOD_CHUNKS),
    taken("CHUNKED", "Transfer-Encoding: CHUNKED", GOOD_CHUNKS),
    taken("many chunks", CHUNKED, "1\r\nh\r\n3\r\nell\r\n1\r\no\r\n0\r\n\r\n"),
    taken("a chunk with an extension", CHUNKED, '5;a="b"\r\nhello\r\n0\r\n\r\n'),
    // The listener drops what it takes of them: an origin's chunks have none (`Recorder`).
    taken("5 KB in a chunk's extension", CHUNKED, extended(5_000)),
    taken("15 KB in the last chunk's", CHUNKED, extendedLast(15_000)),
    taken("Expect", "Expect: 100-continue\r\nContent-Length: 5", "hello"),
    taken("Expect with more in it", "Expect: x 100-continue\r\nContent-Length: 5", "hello"),
    taken("Expect twice", "Expect: 100-continue\r\nExpect: y\r\nContent-Length: 5", "hello"),
    taken("an Upgrade", "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5", "hello"),
    { ...taken("POST without a body", "Content-Length: 0", ""), reaches: "POST /p" },
    {
      ...taken(
        "GET with a body, which is nobody's",
        "Content-Length: 5",
        "hello",
        "GET /g HTTP/1.1",
      ),
      reaches: "GET /g",
    },
  ];
}

function lineCases(host: string): Http1Case[] {
  const refused = (what: string, bytes: string, status: number | "closed"): Http1Case => {
    return { what, bytes, reaches: null, status };
  };
  const got = (what: string, target: string, reaches: string): Http1Case => {
    return { what, bytes: `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, reaches };
  };
  const end = `\r\nHost: ${host}\r\n\r\n`;
  return [
    refused("a line that ends with CR", `GET /a HTTP/1.1\rHost: ${host}\r\r`, 505),
    refused("lines that end with LF", `GET /a HTTP/1.1\nHost: ${host}\n\n`, 505),
    refused("tabs in the line", `GET\t/a\tHTTP/1.1${end}`, 505),
    refused("two blanks in the line", `GET  /a  HTTP/1.1${end}`, 400),
    refused("HTTP/1.2", `GET /a HTTP/1.2${end}`, 505),
    refused("HTTP/2.0", `GET /a HTTP/2.0${end}`, 505),
    refused("HTTP/0.9", `GET /a${end}`, 505),
    refused("a method that is none of HTTP's", `BAN /a HTTP/1.1${end}`, "closed"),
    refused("a method in lower case", `get /a HTTP/1.1${end}`, "closed"),
    refused("a blank in the target", `GET /a b HTTP/1.1${end}`, 505),
    refused("NUL in the target", `GET /a\x00b HTTP/1.1${end}`, 505),
    refused("no target but a star", `OPTIONS * HTTP/1.1${end}`, 400),
    refused("a field without a name", `GET /a HTTP/1.1\r\n: x${end}`, 400),
    refused("a line without a colon", `GET /a HTTP/1.1\r\nabc${end}`, 400),
    refused("DEL in a field", `GET /a HTTP/1.1\r\nX-A: a\x7fb${end}`, 400),
    refused("no Host", "GET /a HTTP/1.1\r\n\r\n", 400),
    refused("an empty Host", "GET /a HTTP/1.1\r\nHost:\r\n\r\n", 400),
    refused("two Hosts", `GET /a HTTP/1.1\r\nHost: ${host}${end}`, 400),
    refused("a port and a name in Host", `GET /a HTTP/1.1\r\nHost: a.com:80@${host}\r\n\r\n`, 400),
    // The listener gives the Host field, not the target's: one site for all steps, chosen once.
    got("a target with a host of its own", "http://other.example/a", "GET /a"),
    got("dot segments", "/a/../../b/./c", "GET /b/c"),
    got("dot segments in disguise", "/a/%2e%2e/b", "GET /b"),
    got("backslashes", "/a\\..\\b", "GET /b"),
    got("a target that looks like a host", "//evil.example/a", "GET //evil.example/a"),
    got("bytes that are no UTF-8", "/a\xff", "GET /a%EF%BF%BD"),
    got("quotes and brackets", `/a"<>b?q="'`, "GET /a%22%3C%3Eb?q=%22%27"),
  ];
}

const PIECES = [
  ...[
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    "\0",
    ":",
    "0",
    "5",
    ";",
    ",",
    "chunked",
    "\x0b",
    "\x7f",
    "\xff",
  ],
  ...["Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n", "\r\n\r\n", "0\r\n\r\n"],
  ...["GET /smuggled HTTP/1.1\r\n", "Host: x\r\n", "Connection: close\r\n", "HTTP/1.0"],
];

/** Good requests with one to three changes each: a piece put in, taken out or doubled. */
export function HTTP1_MUTANTS(host: string, from: number, count: number): readonly string[] {
  const bases = [
    `POST /p HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 5\r\n\r\nhello`,
    `POST /p HTTP/1.1\r\nHost: ${host}\r\n${CHUNKED}\r\n\r\n${GOOD_CHUNKS}`,
    `POST /p HTTP/1.1\r\nHost: ${host}\r\nX-A: b\r\n${CHUNKED}\r\n\r\n3;a\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n`,
  ];
  return Array.from({ length: count }, (_, i) => {
    const rng = seededRng(from + i + 1);
    const draw = (n: number) => Math.floor(rng.float() * n);
    let bytes = bases[draw(bases.length)]!;
    for (let change = draw(3); change >= 0; change--) {
      const at = draw(bytes.length);
      const piece = PIECES[draw(PIECES.length)]!;
      const kind = draw(3);
      if (kind === 0) bytes = bytes.slice(0, at) + piece + bytes.slice(at);
      else if (kind === 1) bytes = bytes.slice(0, at) + bytes.slice(at + 1 + draw(4));
      else bytes = bytes.slice(0, at) + bytes.slice(at, at + 1 + draw(30)) + bytes.slice(at);
    }
    return bytes;
  });
}
