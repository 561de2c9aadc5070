// What an S3-compatible store checks of a request, by code that shares nothing with ours, and a bucket that
// takes objects.
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface StoreKey {
  readonly id: string;
  readonly secret: string;
  readonly region: string;
}

const sha256 = (data: string) => createHash("sha256").update(data, "utf8").digest("hex");
const mac = (key: Buffer | string, data: string) => createHmac("sha256", key).update(data).digest();

/** By the letter of AWS's "Create a signed request", from what came over the wire. */
export function isSignedV4(
  request: Pick<IncomingMessage, "headers" | "method" | "url">,
  of: StoreKey & { readonly nowMs: number },
): boolean {
  const { headers, method = "", url = "" } = request;
  const shape =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const [, id, day = "", region = "", names = "", signature = ""] =
    shape.exec(headers.authorization ?? "") ?? [];
  const date = String(headers["x-amz-date"]);
  const said = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date);
  if (id !== of.id || region !== of.region || said === null || !date.startsWith(day)) return false;
  const [year, month, dayOf, hour, minute, second] = said.slice(1).map(Number);
  const atMs = Date.UTC(year!, month! - 1, dayOf!, hour!, minute!, second!);
  if (Math.abs(atMs - of.nowMs) > 15 * 60_000) return false;
  const list = names.split(";");
  const must = ["host", "x-amz-content-sha256", "x-amz-date"];
  // Whatever means something to a store has to be signed.
  const all = Object.keys(headers).filter((name) => name.startsWith("x-amz-"));
  if (![...must, ...all].every((name) => list.includes(name))) return false;
  const [rawPath = "", query = ""] = url.split("?");
  const path = decodeURIComponent(rawPath)
    .split("/")
    .map((part) =>
      encodeURIComponent(part).replace(
        /[!'()*]/g,
        (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
      ),
    )
    .join("/");
  const lines = list.map((name) => `${name}:${String(headers[name]).trim()}\n`).join("");
  const canonical = `${method}\n${path}\n${query}\n${lines}\n${names}\n${headers["x-amz-content-sha256"]}`;
  const scope = `${day}/${region}/s3/aws4_request`;
  const toSign = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`;
  const key = mac(mac(mac(mac(`AWS4${of.secret}`, day), region), "s3"), "aws4_request");
  return timingSafeEqual(mac(key, toSign), Buffer.from(signature, "hex"));
}

export interface Bucket {
  readonly port: number;
  /** By path, as it was put last; a path that is put again takes the place of what it held. */
  readonly objects: ReadonlyMap<string, Buffer>;
  /** Every PUT that was taken. */
  readonly puts: readonly string[];
  readonly refused: readonly string[];
  state: "open" | "away" | "silent";
  stop(): Promise<void>;
}

/** A store that takes what is signed and whole. `away`: 503 SlowDown; `silent`: it takes it and never answers. */
export async function startBucket(
  address: string,
  key: StoreKey & { readonly nowMs: () => number },
): Promise<Bucket> {
  const objects = new Map<string, Buffer>();
  const puts: string[] = [];
  const refused: string[] = [];
  const bucket = { objects, puts, refused, state: "open" as Bucket["state"] };
  const refuse = (response: ServerResponse, status: number, code: string) => {
    refused.push(code);
    response.writeHead(status).end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const { headers, url = "" } = request;
    if (bucket.state === "away") return refuse(response, 503, "SlowDown");
    if (!isSignedV4(request, { ...key, nowMs: key.nowMs() })) {
      return refuse(response, 403, "SignatureDoesNotMatch");
    }
    const hash = createHash("sha256").update(body).digest("hex");
    if (headers["x-amz-content-sha256"] !== hash) return refuse(response, 400, "BadDigest");
    const md5 = createHash("md5").update(body).digest("base64");
    if (headers["content-md5"] !== md5) return refuse(response, 400, "InvalidDigest");
    if (request.method !== "PUT") return refuse(response, 405, "MethodNotAllowed");
    objects.set(url, body);
    puts.push(url);
    if (bucket.state !== "silent") response.writeHead(200, { etag: `"${hash}"` }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return Object.assign(bucket, {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}
