import { describe, expect, test } from "bun:test";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import {
  decodeMessage,
  type Edns,
  type EdnsOption,
  encodeMessage,
  FLAG,
  type Message,
  makeQuery,
  OPTION,
  RCODE,
  TYPE,
} from "../../wire/dns/mod.ts";
import { parseAddress } from "../../wire/ip/mod.ts";
import { Responder } from "./answer.ts";
import type { RateLimits } from "./rate-limit.ts";
import { type AnswerSettings, PLAIN } from "./settings.ts";
import { durationsOf, HELD_CELL, heldOf, requestsOf, responsesOf } from "./tally.ts";
import { compileWorld, healthOf } from "./world.fixture.ts";

const SNAPSHOT = compileWorld();
const OUT = new Uint8Array(65_535);
const SECRETS = [new Uint8Array(16).fill(7)];
const CLIENT_COOKIE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const COOKIES = { secrets: SECRETS, required: false };
const LIMITS: RateLimits = {
  answersPerSec: 200,
  nxdomainPerSec: 100,
  errorsPerSec: 50,
  slip: 2,
  exempt: [],
};

function responder(settings: Partial<AnswerSettings> = {}): Responder {
  const made = new Responder(1, { ...PLAIN, ...settings });
  made.load(SNAPSHOT);
  made.observe(healthOf(SNAPSHOT), NO_ASSIGNMENT);
  return made;
}

interface Asked {
  readonly from?: string;
  readonly options?: readonly EdnsOption[];
  readonly edns?: Partial<Edns> | null;
  readonly type?: number;
  readonly stream?: boolean;
  readonly secure?: boolean;
  readonly https?: boolean;
  readonly message?: Partial<Message>;
}

/** The answer, or null where there is none. */
function ask(to: Responder, name: string, o: Asked = {}): Message | null {
  const seed = makeQuery(4711, name, o.type ?? TYPE.A);
  const edns = o.edns === null ? null : { ...seed.edns!, options: o.options ?? [], ...o.edns };
  const bytes = encodeMessage({ ...seed, edns, ...o.message })!;
  const address = parseAddress(o.from ?? "192.0.2.200")!;
  const length = to.answer(
    {
      bytes,
      length: bytes.length,
      address,
      addressAt: 0,
      family: address.length === 4 ? 4 : 6,
      stream: o.stream ?? false,
      secure: o.secure ?? false,
      https: o.https ?? false,
    },
    OUT,
  );
  return length === 0 ? null : (decodeMessage(OUT.slice(0, length)) as Message);
}

function option(message: Message | null, code: number): Uint8Array | null {
  return message?.edns?.options.find((one) => one.code === code)?.data ?? null;
}

const cookie = (data: Uint8Array) => ({ options: [{ code: OPTION.COOKIE, data }] });

describe("cookies (D8)", () => {
  test("are made for a client that sends its own, and then prove it", () => {
    const to = responder({ cookies: COOKIES });
    to.tick(1_700_000_000_000);
    const first = option(ask(to, "c.cdn.example", cookie(CLIENT_COOKIE)), OPTION.COOKIE)!;
    expect([first.length, ...first.subarray(0, 8)]).toEqual([24, ...CLIENT_COOKIE]);
    // Within half an hour it comes back as it was; later another is made.
    to.tick(1_700_000_060_000);
    expect(option(ask(to, "c.cdn.example", cookie(first)), OPTION.COOKIE)).toEqual(first);
    to.tick(1_700_002_000_000);
    expect(option(ask(to, "c.cdn.example", cookie(first)), OPTION.COOKIE)).not.toEqual(first);
  });

  test("are accepted by every server with the secret, and by one that still names the old one", () => {
    const first = option(
      ask(responder({ cookies: COOKIES }), "c.cdn.example", cookie(CLIENT_COOKIE)),
      OPTION.COOKIE,
    )!;
    const next = new Uint8Array(16).fill(9);
    const code = (secrets: readonly Uint8Array[]) =>
      ask(responder({ cookies: { secrets, required: true } }), "c.cdn.example", cookie(first))!
        .rcode;
    expect(code(SECRETS)).toBe(RCODE.NOERROR);
    expect(code([next, ...SECRETS])).toBe(RCODE.NOERROR);
    expect(code([next])).toBe(RCODE.BADCOOKIE);
  });

  test("that are forged count as none, or are BADCOOKIE over UDP where one is required", () => {
    const forged = cookie(Uint8Array.of(...CLIENT_COOKIE, 1, ...new Uint8Array(15)));
    expect(ask(responder({ cookies: COOKIES }), "c.cdn.example", forged)!.answers).toHaveLength(1);
    const strict = responder({ cookies: { ...COOKIES, required: true } });
    const refused = ask(strict, "c.cdn.example", forged);
    expect([refused!.rcode, refused!.answers.length]).toEqual([RCODE.BADCOOKIE, 0]);
    const fresh = cookie(option(refused, OPTION.COOKIE)!);
    expect(ask(strict, "c.cdn.example", fresh)!.answers).toHaveLength(1);
    expect(ask(strict, "c.cdn.example", { ...forged, stream: true })!.answers).toHaveLength(1);
    expect(ask(strict, "c.cdn.example")!.answers).toHaveLength(1);
  });

  test("of a wrong length are FORMERR, and none goes back where there are none", () => {
    for (const size of [0, 7, 9, 15, 41]) {
      const answer = ask(
        responder({ cookies: COOKIES }),
        "c.cdn.example",
        cookie(new Uint8Array(size)),
      );
      expect(answer!.rcode).toBe(RCODE.FORMERR);
    }
    expect(
      option(ask(responder(), "c.cdn.example", cookie(CLIENT_COOKIE)), OPTION.COOKIE),
    ).toBeNull();
  });

  test("can be asked for without a question; nothing else can (D2)", () => {
    const to = responder({ cookies: COOKIES });
    const message = { questions: [] };
    const answer = ask(to, "", { ...cookie(CLIENT_COOKIE), message });
    expect([answer!.rcode, answer!.questions.length]).toEqual([RCODE.NOERROR, 0]);
    expect(option(answer, OPTION.COOKIE)).toHaveLength(24);
    expect(ask(to, "", { message })!.rcode).toBe(RCODE.FORMERR);
  });
});

describe("what else EDNS carries", () => {
  const nsid = { options: [{ code: OPTION.NSID, data: new Uint8Array(0) }] };
  test("is the server's id for who asks, where it has one (RFC 5001)", () => {
    const to = responder({ nsid: "fra-1" });
    expect(new TextDecoder().decode(option(ask(to, "c.cdn.example", nsid), OPTION.NSID)!)).toBe(
      "fra-1",
    );
    expect(option(ask(to, "c.cdn.example"), OPTION.NSID)).toBeNull();
    expect(option(ask(responder(), "c.cdn.example", nsid), OPTION.NSID)).toBeNull();
  });

  test("is why there is no answer (RFC 8914)", () => {
    const why = (to: Responder, name: string, o: Asked = {}) => {
      const answer = ask(to, name, o);
      return [answer!.rcode, option(answer, OPTION.EXTENDED_ERROR)?.[1] ?? null];
    };
    expect(why(responder(), "elsewhere.test")).toEqual([RCODE.REFUSED, 20]);
    expect(why(new Responder(1), "c.cdn.example")).toEqual([RCODE.SERVFAIL, 14]);
    expect(why(responder(), "cdn.example", { type: TYPE.AXFR })).toEqual([RCODE.REFUSED, 18]);
    const version = { questions: [{ name: "version.bind", type: TYPE.TXT, class: 3 }] };
    expect(why(responder(), "", { message: version })).toEqual([RCODE.REFUSED, 21]);
    expect(why(responder(), "c.cdn.example")).toEqual([RCODE.NOERROR, null]);
  });

  test("is padding to whole blocks over TLS, and none in the clear (RFC 8467)", () => {
    const to = responder();
    for (const name of ["c.cdn.example", "cdn.example", "elsewhere.test"]) {
      const padded = ask(to, name, { stream: true, secure: true })!;
      expect(option(padded, OPTION.PADDING)).not.toBeNull();
      expect(encodeMessage(padded)!.length).toBeLessThanOrEqual(468);
      expect(option(ask(to, name, { stream: true }), OPTION.PADDING)).toBeNull();
    }
    expect(ask(to, "c.cdn.example", { stream: true, secure: true, edns: null })!.edns).toBeNull();
  });

  test("fits beside the longest name, with everything at once, in 512 octets", () => {
    const long = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(46)}.cdn.example`;
    const to = responder({ nsid: "n".repeat(63), cookies: COOKIES });
    const address = "2001:db8:1::";
    const answer = ask(to, long, {
      options: [
        { code: OPTION.COOKIE, data: CLIENT_COOKIE },
        { code: OPTION.NSID, data: new Uint8Array(0) },
      ],
      edns: {
        payloadBytes: 512,
        clientSubnet: { family: 6, address: parseAddress(address)!, sourceBits: 128, scopeBits: 0 },
      },
    });
    expect([answer!.rcode, answer!.flags & FLAG.TRUNCATED]).toEqual([RCODE.NXDOMAIN, 0]);
  });
});

describe("limits (D7)", () => {
  /** Ten seconds of 10,000 queries a second: whole, truncated and unanswered ones. */
  function flood(to: Responder, from: (i: number) => string, o: Asked = {}): number[] {
    const seen = [0, 0, 0];
    for (let i = 0; i < 20_000; i++) {
      to.tick(1_700_000_000_000 + i / 10);
      const answer = ask(to, "c.cdn.example", { ...o, from: from(i) });
      if (answer === null) seen[2]! += 1;
      else if (answer.flags & FLAG.TRUNCATED) {
        expect(answer.answers).toHaveLength(0);
        seen[1]! += 1;
      } else seen[0]! += 1;
    }
    return seen;
  }

  test("give a flooding /24 its limit and slipped answers, and every other one all of its own", () => {
    const to = responder({ rateLimits: LIMITS });
    let lost = 0;
    const seen = flood(to, (i) => {
      // Beside it, a hundred others ask once every 100 ms or so.
      if (i % 10 === 0 && ask(to, "c.cdn.example", { from: `10.1.${(i / 10) % 100}.1` }) === null)
        lost++;
      return `198.51.100.${i % 256}`;
    });
    expect(lost).toBe(0);
    expect(seen[0]).toBeLessThanOrEqual(200 + 2 * 200);
    expect(Math.abs(seen[1]! - seen[2]!)).toBeLessThanOrEqual(1);
    expect(heldOf(to.tally.cells, HELD_CELL.DROPPED)).toBe(seen[2]!);
    expect(heldOf(to.tally.cells, HELD_CELL.TRUNCATED)).toBe(seen[1]!);
  });

  test("do not concern a client with a cookie of ours, nor TCP", () => {
    const to = responder({ rateLimits: LIMITS, cookies: COOKIES });
    to.tick(1_700_000_000_000);
    const from = "198.51.100.7";
    const own = option(
      ask(to, "c.cdn.example", { ...cookie(CLIENT_COOKIE), from }),
      OPTION.COOKIE,
    )!;
    flood(to, () => from);
    expect(flood(to, () => from, cookie(own))).toEqual([20_000, 0, 0]);
    // The same cookie from another address of the prefix proves nothing.
    expect(flood(to, () => "198.51.100.8", cookie(own))[0]).toBeLessThan(1000);
    expect(flood(to, () => from, { stream: true })).toEqual([20_000, 0, 0]);
  }, 30_000);

  test("are apart for answers, names that are not there and refusals", () => {
    const to = responder({ rateLimits: LIMITS });
    to.tick(1_700_000_000_000);
    const until = (name: string) => {
      let answers = 0;
      for (let i = 0; i < 1000; i++) {
        const answer = ask(to, name);
        if (answer !== null && (answer.flags & FLAG.TRUNCATED) === 0) answers++;
      }
      return answers;
    };
    expect(until("no.cdn.example")).toBe(100);
    expect(until("elsewhere.test")).toBe(50);
    expect(until("c.cdn.example")).toBe(200);
  });
});

describe("a bug of ours", () => {
  test("is SERVFAIL for that one query, is counted, and the next is answered", () => {
    const to = responder({ cookies: null });
    const bytes = encodeMessage(makeQuery(4711, "c.cdn.example", TYPE.A))!;
    const nothing = undefined as unknown as Uint8Array;
    const broken = { bytes, length: bytes.length, address: nothing, addressAt: 0, stream: false };
    const length = to.answer({ ...broken, family: 4 }, OUT);
    const answer = decodeMessage(OUT.slice(0, length)) as Message;
    expect([answer.rcode, option(answer, OPTION.EXTENDED_ERROR)?.[1]]).toEqual([RCODE.SERVFAIL, 0]);
    expect(to.failures).toBe(1);
    expect(ask(to, "c.cdn.example")!.answers).toHaveLength(1);
  });
});

describe("counters", () => {
  test("put durations into buckets, the slowest into the last", () => {
    const { tally } = responder();
    for (const sec of [5e-7, 3e-6, 3e-6, 5]) tally.took(sec);
    const { counts, sumSec } = durationsOf(tally.take());
    expect(counts).toEqual([1, 0, 2, 0, 0, 0, 0, 0, 0, 1]);
    expect(sumSec).toBeCloseTo(5.0000065, 9);
    tally.response(4000);
    expect([...responsesOf(tally.take())]).toEqual([{ rcode: "SERVFAIL", count: 1 }]);
  });

  test("go by proto, family, type and code, and make no label of what a client sends", () => {
    const to = responder();
    ask(to, "c.cdn.example");
    ask(to, "c.cdn.example", { type: TYPE.AAAA, from: "2001:db8::9", stream: true });
    ask(to, "c.cdn.example", { stream: true, secure: true });
    ask(to, "c.cdn.example", { stream: true, secure: true, https: true });
    for (let type = 1000; type < 1100; type++) ask(to, "no.cdn.example", { type });
    ask(to, "elsewhere.test");
    const cells = to.tally.take();
    expect([...requestsOf(cells)]).toEqual([
      { proto: "udp", family: "1", type: "A", count: 2 },
      { proto: "udp", family: "1", type: "other", count: 100 },
      { proto: "tcp", family: "2", type: "AAAA", count: 1 },
      { proto: "tls", family: "1", type: "A", count: 1 },
      { proto: "https", family: "1", type: "A", count: 1 },
    ]);
    expect([...responsesOf(cells)]).toEqual([
      { rcode: "NOERROR", count: 4 },
      { rcode: "NXDOMAIN", count: 100 },
      { rcode: "REFUSED", count: 1 },
    ]);
    expect([...requestsOf(to.tally.take())]).toEqual([]);
  });
});
