import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import {
  encodeMessage,
  type Hmac,
  isSigned,
  makeQuery,
  readTsig,
  refuseTsig,
  signMessage,
  TSIG_ALGORITHMS,
  TSIG_ERROR,
  TSIG_FUDGE_SEC,
  type TsigKey,
  TYPE,
  timeOctets,
  tsigBytes,
  verifyTsig,
} from "./mod.ts";

const hmac: Hmac = (algorithm, secret, data) =>
  createHmac(algorithm.replace("hmac-", ""), secret).update(data).digest();
const keyOf = (algorithm: TsigKey["algorithm"]): TsigKey => ({
  name: "xfr.shop",
  algorithm,
  secret: new Uint8Array(32).fill(7),
});
const key = keyOf("hmac-sha256");
const query = encodeMessage(makeQuery(4711, "shop.example", TYPE.SOA))!;
const T = 1_800_000_000;
const check = (bytes: Uint8Array, more: object = {}) =>
  verifyTsig(bytes, {
    keyOf: (name) => (name === key.name ? key : null),
    hmac,
    nowSec: T,
    ...more,
  });
const signed = (more: object = {}) => signMessage(query, { key, hmac, timeSec: T, ...more });

describe("TSIG (RFC 8945)", () => {
  test("what is signed verifies, in both algorithms, and adds as many octets as foretold", () => {
    for (const algorithm of TSIG_ALGORITHMS) {
      const own = keyOf(algorithm);
      const { bytes, mac } = signMessage(query, { key: own, hmac, timeSec: T });
      expect(bytes.length).toBe(query.length + tsigBytes(own));
      expect(isSigned(bytes, bytes.length)).toBe(true);
      const verdict = verifyTsig(bytes, { keyOf: () => own, hmac, nowSec: T });
      if (verdict.verdict !== "good") throw new Error(`expected good: received ${verdict.verdict}`);
      expect([...verdict.tsig.mac]).toEqual([...mac]);
    }
    // A time beyond 32 bits (the year 2106).
    const late = 0x1_0000_0000 + 5;
    expect(check(signed({ timeSec: late }).bytes, { nowSec: late }).verdict).toBe("good");
    expect([...timeOctets(late)]).toEqual([0, 1, 0, 0, 0, 5]);
  });

  test("an id that a forwarder changed does not matter, any other octet does", () => {
    const { bytes } = signed();
    bytes[0]! ^= 0xff;
    expect(check(bytes).verdict).toBe("good");
    for (let at = 2; at < bytes.length; at++) {
      const wrong = bytes.slice();
      wrong[at]! ^= 1;
      // Upper case in the key's name is the same name; nothing else passes.
      expect([at, check(wrong).verdict]).not.toEqual([at, "good"]);
    }
    const upper = signed().bytes;
    const nameAt = query.length + 1;
    upper[nameAt]! ^= 0x20;
    expect(check(upper).verdict).toBe("good");
  });

  test("an unknown key, another algorithm, a short or long signature, and the time are told apart", () => {
    const refusal = (bytes: Uint8Array, more = {}) => {
      const verdict = check(bytes, more);
      return verdict.verdict === "refused"
        ? [verdict.error, verdict.key !== null]
        : verdict.verdict;
    };
    expect(refusal(signed().bytes, { keyOf: () => null })).toEqual([TSIG_ERROR.BADKEY, false]);
    const other = { keyOf: () => keyOf("hmac-sha512") };
    expect(refusal(signed().bytes, other)).toEqual([TSIG_ERROR.BADKEY, false]);
    const cut = (octets: number) => {
      const short: Hmac = (...args) => hmac(...args).subarray(0, octets);
      return signed({ hmac: short }).bytes;
    };
    expect(refusal(cut(16))).toEqual([TSIG_ERROR.BADTRUNC, false]);
    expect(refusal(cut(8))).toEqual([TSIG_ERROR.BADSIG, false]);
    const long: Hmac = (...args) => Uint8Array.from([...hmac(...args), 0]);
    expect(refusal(signed({ hmac: long }).bytes)).toBe("malformed");
    const wrong: Hmac = (...args) => hmac(...args).map((octet) => octet ^ 1);
    expect(refusal(signed().bytes, { hmac: wrong })).toEqual([TSIG_ERROR.BADSIG, false]);
    // A function that gives a shorter one never passes for the whole.
    const empty: Hmac = () => new Uint8Array(0);
    expect(refusal(signed().bytes, { hmac: empty })).toEqual([TSIG_ERROR.BADSIG, false]);
    for (const off of [-1, 1]) {
      const at = T + off * TSIG_FUDGE_SEC;
      expect(check(signed().bytes, { nowSec: at }).verdict).toBe("good");
      expect(refusal(signed().bytes, { nowSec: at + off })).toEqual([TSIG_ERROR.BADTIME, true]);
    }
    expect(check(query).verdict).toBe("unsigned");
  });

  test("an answer is bound to its request, and each message of a transfer to the one before", () => {
    const request = signed();
    const answer = signed({ priorMac: request.mac });
    expect(check(answer.bytes, { requestMac: request.mac }).verdict).toBe("good");
    expect(check(answer.bytes).verdict).toBe("refused");
    const further = signed({ priorMac: answer.mac, further: true });
    expect(check(further.bytes, { requestMac: answer.mac }).verdict).toBe("refused");
    expect(further.mac).not.toEqual(answer.mac);
  });

  test("a refusal says why, unsigned; with BADTIME it is signed and has our time", () => {
    const tsig = readTsig(signed().bytes);
    if (tsig === null || tsig === "malformed") throw new Error("expected a TSIG");
    const said = readTsig(refuseTsig(query, tsig, TSIG_ERROR.BADKEY));
    if (said === null || said === "malformed") throw new Error("expected a TSIG");
    expect([said.error, said.key, said.mac.length]).toEqual([TSIG_ERROR.BADKEY, "xfr.shop", 0]);
    const late = signed({ error: TSIG_ERROR.BADTIME, other: timeOctets(T + 999) });
    const verdict = check(late.bytes);
    if (verdict.verdict !== "good") throw new Error(`expected good: received ${verdict.verdict}`);
    expect(verdict.tsig.error).toBe(TSIG_ERROR.BADTIME);
    expect([...verdict.tsig.other]).toEqual([...timeOctets(T + 999)]);
  });

  test("a record that is not the last, or not as it must be, is malformed", () => {
    const { bytes } = signed();
    const from = query.length;
    const change = (edit: (copy: Uint8Array) => Uint8Array | undefined) => {
      const copy = bytes.slice();
      return check(edit(copy) ?? copy).verdict;
    };
    const set = (at: number, value: number) => (copy: Uint8Array) => {
      copy[at] = value;
      return undefined;
    };
    const afterOwner = from + 10;
    expect(change(set(afterOwner + 3, 1))).toBe("malformed"); // class IN
    expect(change(set(afterOwner + 7, 1))).toBe("malformed"); // TTL 1
    expect(change((copy) => copy.slice(0, -1))).toBe("malformed");
    expect(change((copy) => Uint8Array.from([...copy, 0]))).toBe("malformed");
    expect(change((copy) => copy.slice(0, 11))).toBe("malformed");
    // In the answer section.
    expect(
      change((copy) => {
        copy[7] = copy[11]!;
        copy[11] = 0;
        return copy;
      }),
    ).toBe("malformed");
    const dataAt = afterOwner + 10;
    expect(change(set(dataAt, 0x80))).toBe("malformed"); // the algorithm's name
    expect(change(set(from, 0x80))).toBe("malformed"); // the owner
    expect(change(set(12, 0x80))).toBe("malformed"); // the question
    expect(change(set(dataAt + 13 + 8, 0xff))).toBe("malformed"); // the MAC's length
    expect(change(set(bytes.length - 1, 9))).toBe("malformed"); // the length of `other`
    // Too short for its fields.
    const short = Uint8Array.from([
      ...bytes.slice(0, afterOwner + 8),
      0,
      13,
      ...bytes.slice(dataAt, dataAt + 13),
    ]);
    expect(check(short).verdict).toBe("malformed");
    // The owner points forwards: its end can be seen, its name cannot be read.
    const forward = Uint8Array.from([...query, 0xc0, 0xff, ...bytes.slice(afterOwner)]);
    forward[11] = bytes[11]!;
    expect(check(forward).verdict).toBe("malformed");
  });

  test("isSigned() sees the last record only, and nothing where it cannot be read", () => {
    expect(isSigned(query, query.length)).toBe(false);
    expect(isSigned(query, 5)).toBe(false);
    const { bytes } = signed();
    for (let length = 0; length < bytes.length; length++) {
      expect(isSigned(bytes, length)).toBe(false);
    }
    const broken = bytes.slice();
    broken[12] = 0x80;
    expect(isSigned(broken, broken.length)).toBe(false);
    const pointed = Uint8Array.from([...query, 0xc0, 12, ...bytes.slice(query.length + 10)]);
    pointed[11] = bytes[11]!;
    expect(isSigned(pointed, pointed.length)).toBe(true);
    broken.set(bytes);
    broken[query.length] = 0x80;
    expect(isSigned(broken, broken.length)).toBe(false);
  });

  test("never throws, whatever it is given", () => {
    const { bytes } = signed();
    const edits = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(edits, fc.nat(bytes.length), (changes, length) => {
        const copy = bytes.slice(0, length);
        for (const [at, value] of changes) if (at < length) copy[at] = value;
        check(copy);
        isSigned(copy, copy.length);
      }),
      { numRuns: 3000 },
    );
  });
});
