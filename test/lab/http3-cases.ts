import { eachWith, headFor, type Malformed, malformed } from "./malformed.ts";

/** A request over HTTP/3 whose fields RFC 9114 calls malformed, or that HTTP/1.1 would take for something else. */
export interface Http3Case extends Malformed {
  /**
   * `METHOD target body` as a web server gets it, for what the runtime takes although RFC 9114 would have it
   * refused: it hands over a request like any other. Left out: nothing reaches anybody.
   */
  readonly reaches?: string;
}

const TAKEN: Readonly<Record<string, string>> = {
  'the path "/a b"': "GET /a%20b",
  "an empty method": "GET /p",
  "two paths": "GET /q",
  "two methods": "POST /p",
  "a pseudo-field after a field": "GET /p",
  "a pseudo-field nobody knows": "GET /p",
  "a status in a request": "GET /p",
  "no :method": "GET /p",
  "no :scheme": "GET /p",
  "an authority that is not the Host": "GET /p",
  "one Host twice": "GET /p",
  "two Hosts": "GET /p",
  "a method that is none of HTTP's": "GET /p",
};

/** Threats H3, H6 and H7 over HTTP/3. */
export function HTTP3_CASES(host: string): readonly Http3Case[] {
  const head = headFor(host)();
  const nameless = head.filter((field) => field[0] !== ":authority");
  const own: Malformed[] = [
    { what: "two methods", fields: [...head, [":method", "POST"]] },
    { what: "two Hosts", fields: [...nameless, ["host", host], ["host", "evil.example"]] },
  ];
  return eachWith([...malformed(host), ...own], TAKEN).map(([one, reaches]) =>
    reaches === undefined ? one : { ...one, reaches },
  );
}
