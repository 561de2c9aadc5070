/** The hash functions: floors below the roles have none. */
export interface Hashes {
  /** SHA-256, 64 hex digits in lower case. */
  sha256(text: string): string;
  /** HMAC-SHA256. */
  hmac(key: Uint8Array, message: Uint8Array): Uint8Array;
}

/** What is signed of a request, as AWS Signature Version 4 wants it. */
export interface SigV4Request {
  readonly method: string;
  /** Encoded by `s3Path()`. */
  readonly path: string;
  /** Names and values as they were meant, not encoded. */
  readonly query?: readonly (readonly [string, string])[];
  /** All of these are signed; `host` must be among them. `x-amz-date` is added. */
  readonly fields: readonly (readonly [string, string])[];
  /** SHA-256 of the body in hex, or `UNSIGNED-PAYLOAD`; sent as `x-amz-content-sha256`. */
  readonly payload: string;
}

export interface SigV4Key {
  readonly id: string;
  readonly secret: string;
  readonly region: string;
  readonly service: string;
}

/** Of no bytes. */
export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const SLASH = 0x2f;
const encoder = new TextEncoder();

/**
 * The fields that sign a request for an S3-compatible store, `authorization` among them (AWS,
 * "Authenticating Requests: Using the Authorization Header"). Everything else of it may be added later.
 */
export function signV4(
  request: SigV4Request,
  key: SigV4Key,
  o: Hashes & { readonly nowMs: number },
): readonly (readonly [string, string])[] {
  const stamp = new Date(o.nowMs).toISOString().replace(/[-:]|\.\d{3}/g, "");
  const own = [
    ["x-amz-content-sha256", request.payload],
    ["x-amz-date", stamp],
  ] as const;
  const fields = [...request.fields, ...own]
    .map(([name, value]) => [name.toLowerCase(), value.trim().replace(/ +/g, " ")] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  const names = fields.map(([name]) => name).join(";");
  const query = (request.query ?? [])
    .map(([name, value]) => [encodeAws(name), encodeAws(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const lines = fields.map(([name, value]) => `${name}:${value}\n`).join("");
  const canonical = [request.method, request.path, query, lines, names, request.payload].join("\n");
  const scope = `${stamp.slice(0, 8)}/${key.region}/${key.service}/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${o.sha256(canonical)}`;
  const signing = scope
    .split("/")
    .reduce<Uint8Array>(
      (last, part) => o.hmac(last, encoder.encode(part)),
      encoder.encode(`AWS4${key.secret}`),
    );
  const signature = hex(o.hmac(signing, encoder.encode(text)));
  const said = `Credential=${key.id}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return [...own, ["authorization", `AWS4-HMAC-SHA256 ${said}`]];
}

/**
 * The path of an object as it is sent and signed: every byte but letters, digits and `-._~/` encoded
 * once, whatever of it came encoded. Null where no single object can be meant: nothing is named, or slashes
 * alone (stores that take several for one would list the bucket), a segment is `.` or `..`, or the encoding is
 * broken.
 *
 * @param path without query, as it came
 * @param under what stands before it, such as `/bucket`
 * @example s3Path("/a%2Bb (1).png", "") // "/a%2Bb%20%281%29.png"
 */
export function s3Path(path: string, under: string): string | null {
  const bytes = decodePercent(path);
  if (bytes === null || bytes.every((byte) => byte === SLASH)) return null;
  const encoded = encodeBytes(bytes, true);
  if (encoded.split("/").some((segment) => segment === "." || segment === "..")) return null;
  return `${under}${encoded}`;
}

function decodePercent(text: string): Uint8Array | null {
  const bytes: number[] = [];
  const raw = encoder.encode(text);
  for (let i = 0; i < raw.length; i++) {
    if (raw[i] !== 0x25) {
      bytes.push(raw[i]!);
      continue;
    }
    const digits = String.fromCharCode(raw[i + 1] ?? 0, raw[i + 2] ?? 0);
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) return null;
    bytes.push(Number.parseInt(digits, 16));
    i += 2;
  }
  return Uint8Array.from(bytes);
}

function encodeAws(text: string): string {
  return encodeBytes(encoder.encode(text), false);
}

function encodeBytes(bytes: Uint8Array, slashes: boolean): string {
  let text = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    const plain = /[A-Za-z0-9\-._~]/.test(char) || (slashes && char === "/");
    text += plain ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return text;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
