/** What names an object file, and all that is known of it without opening it. */
export interface DiskName {
  /** 32 hex digits. */
  readonly keyHash: string;
  /** 16 hex digits. */
  readonly variantHash: string;
  readonly fileBytes: number;
  readonly storedSec: number;
  /** Whose it is: `nameHash` of the customer. */
  readonly customer: number;
}

/** Where the parts of a name begin: its words of eight digits, and the numbers behind them. */
const WORDS_AT = [0, 8, 16, 24, 33, 41] as const;
const DASHES_AT = [32, 49] as const;
const NUMBERS_AT = 50;
/** Digits of bytes, seconds and customer; names of before customers stood in them have two numbers. */
const DIGITS_MAX = [10, 10, 7] as const;
const NUMBERS_LEAST = 2;
/** Of seconds and customer: the index holds no more. */
const NUMBER_MAX = 0xffffffff;
/** What `readName` writes: words of the key and the variant; bytes, seconds and customer. */
export const NAME_WORDS = WORDS_AT.length;
export const NAME_NUMBERS = DIGITS_MAX.length;

const DASH = 0x2d;
/** What a character counts as a digit of base 36; more than any for all others. */
const NO_DIGIT = 255;
const DIGITS = new Uint8Array(256).fill(NO_DIGIT);
for (let i = 0; i < 36; i++) DIGITS[i.toString(36).charCodeAt(0)] = i;

/** 128 bits: customers cannot make two keys meet; the file's own key is checked on read as well. */
export function hashKey(key: string): string {
  return Bun.SHA256.hash(key, "hex").slice(0, 32);
}

export function hashVariant(variant: string): string {
  return hashKey(variant).slice(0, 16);
}

/** `<hash of key>-<hash of variant>-<file bytes>-<stored at, seconds>-<customer>`, base 36. */
export function fileName(name: DiskName): string {
  const numbers = [name.fileBytes, name.storedSec, name.customer].map((n) => n.toString(36));
  return `${name.keyHash}-${name.variantHash}-${numbers.join("-")}`;
}

/**
 * Takes a name apart, digit by digit: a restart does so with a million of them, and nothing is made on the way.
 * False where the name is not one of ours; what stands in `words` and `numbers` has no meaning then.
 */
export function readName(name: string, words: Uint32Array, numbers: Float64Array): boolean {
  if (name.charCodeAt(DASHES_AT[0]) !== DASH || name.charCodeAt(DASHES_AT[1]) !== DASH)
    return false;
  for (let i = 0; i < WORDS_AT.length; i++) {
    const word = wordOf(name, WORDS_AT[i]!);
    if (word < 0) return false;
    words[i] = word;
  }
  return readNumbers(name, numbers);
}

/** Eight hex digits in lower case; -1 where they are not. */
export function wordOf(hex: string, at: number): number {
  let word = 0;
  let most = 0;
  for (let i = at; i < at + 8; i++) {
    const digit = DIGITS[hex.charCodeAt(i)] ?? NO_DIGIT;
    word = (word << 4) | (digit & 15);
    if (digit > most) most = digit;
  }
  return most > 15 ? -1 : word >>> 0;
}

/** Bytes, seconds and customer (0 where there is none) of a name; false where they are not there. */
function readNumbers(name: string, into: Float64Array): boolean {
  into[2] = 0;
  let at = NUMBERS_AT;
  for (let n = 0; n < DIGITS_MAX.length; n++) {
    const from = at;
    let value = 0;
    for (; at < name.length && name.charCodeAt(at) !== DASH; at++) {
      const digit = DIGITS[name.charCodeAt(at)] ?? NO_DIGIT;
      if (digit === NO_DIGIT) return false;
      value = value * 36 + digit;
    }
    if (at === from || at - from > DIGITS_MAX[n]!) return false;
    if (n > 0 && value > NUMBER_MAX) return false;
    into[n] = value;
    if (at === name.length) return n + 1 >= NUMBERS_LEAST;
    at++;
  }
  return false;
}
