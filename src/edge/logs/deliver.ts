import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { Fault } from "../../base/fault.ts";
import type { FindCredential } from "../../model/origin-credential.ts";
import type { NameResolver } from "../../model/resolver.ts";
import type { SiteLogs } from "../../model/site-logs.ts";
import { addressesIn, TYPE } from "../../wire/dns/mod.ts";
import { parseAddress } from "../../wire/ip/mod.ts";
import type { Fields } from "../cache/mod.ts";
import type { OriginClient, OriginResponse } from "../hot/origin.ts";
import { putRequest } from "./bucket.ts";

const HEAD_MS = 10_000;
const SILENT_MS = 5_000;
/** Of what a receiver says with a refusal, so much is looked at. */
const WORDS_BYTES_MAX = 4_096;
/** On a thread of the runtime's: a megabyte here would hold up every request. */
const compressed = promisify(gzip);

export interface Batch {
  readonly node: string;
  readonly site: string;
  /** Such as `1795351823000-000000007`. */
  readonly id: string;
  /** When its first line was written, ms since 1970. */
  readonly openedMs: number;
  readonly lines: Buffer;
  /** Lines lost before it at this cache, since its start. */
  readonly lost: number;
}

export interface DeliverParts {
  readonly origins: OriginClient;
  readonly resolver: NameResolver;
  /** Why nothing may connect there; null: it may. */
  readonly refuses: (address: string, port: number) => string | null;
  /** HMAC-SHA256 under the key that the site names; null: there is no such key. */
  readonly sign: (message: Uint8Array) => Uint8Array | null;
  /** The customer's credential of that name; null: there is none here. */
  readonly credential: (name: string) => ReturnType<FindCredential>;
  readonly wallMs: () => number;
}

/** What is asked of a receiver. */
interface Order {
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly fields: Fields;
}

/**
 * Sends one batch; null once the receiver said 2xx, and else what it said. The address is vetted as an origin's is, on
 * what is connected to; a redirect is a refusal.
 *
 * @throws Fault `origin-refused`, `origin-timeout`, `origin-broken`; `bad-input` where no address may
 *   be used or the key is missing
 */
export async function deliver(
  to: SiteLogs,
  batch: Batch,
  parts: DeliverParts,
): Promise<string | null> {
  const url = new URL(to.to);
  const scheme = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  const address = await addressOf({ host: url.hostname.replace(/^\[|\]$/g, ""), port }, parts);
  const body = new Uint8Array(await compressed(batch.lines));
  const order =
    to.s3 === undefined ? post(to, body, { batch, parts }) : put(to, body, { batch, parts });
  const response = await parts.origins.fetch({
    ...{ scheme, address, port, hostname: url.hostname, ...order, body },
    identity: "logs",
    ...{ bodyBytes: body.length, headMs: HEAD_MS, silentMs: SILENT_MS, onEnd: () => {} },
  });
  const taken = response.status >= 200 && response.status <= 299;
  const words = taken || to.s3 === undefined ? "" : await codeIn(response);
  await response.body?.cancel();
  return taken ? null : `the receiver answered ${response.status}${words}`;
}

function post(
  to: SiteLogs,
  body: Uint8Array,
  { batch, parts }: { readonly batch: Batch; readonly parts: DeliverParts },
): Order {
  const url = new URL(to.to);
  const id = `${batch.node}/${batch.site}/${batch.id}`;
  const fields: [string, string][] = [
    ["host", url.host],
    ["content-type", to.format === "json" ? "application/x-ndjson" : "text/plain"],
    ["content-encoding", "gzip"],
    ["content-length", String(body.length)],
    ["user-agent", "turnpike-logs"],
    ["turnpike-log-batch", id],
    ["turnpike-log-lost", String(batch.lost)],
  ];
  if (to.key !== undefined) {
    const signature = parts.sign(Buffer.concat([Buffer.from(`${id}\n`), body]));
    if (signature === null) throw new Fault("bad-input", `the key ${to.key} is missing`);
    fields.push(["turnpike-signature", `${to.key} ${Buffer.from(signature).toString("hex")}`]);
  }
  return { method: "POST", path: url.pathname + url.search, fields };
}

function put(
  to: SiteLogs,
  body: Uint8Array,
  { batch, parts }: { readonly batch: Batch; readonly parts: DeliverParts },
): Order {
  const name = to.s3?.key ?? "";
  const access = parts.credential(name);
  if (access?.kind !== "access-key") {
    throw new Fault("bad-input", `the access key ${name} is missing`);
  }
  return { method: "PUT", ...putRequest(to, body, { batch, access, nowMs: parts.wallMs() }) };
}

/** What a store says is wrong, such as ` AccessDenied`; "" where it says nothing that is known. */
async function codeIn({ body, whole }: OriginResponse): Promise<string> {
  let text = whole === undefined ? "" : Buffer.from(whole.subarray(0, WORDS_BYTES_MAX)).toString();
  const reader = body?.getReader();
  try {
    while (reader !== undefined && text.length < WORDS_BYTES_MAX) {
      const { value } = await reader.read();
      if (value === undefined) break;
      text += Buffer.from(value).toString();
    }
  } catch {
    // The status says enough.
  }
  reader?.releaseLock();
  const code = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(text)?.[1];
  return code === undefined ? "" : ` ${code}`;
}

async function addressOf(
  { host, port }: { readonly host: string; readonly port: number },
  { resolver, refuses }: DeliverParts,
): Promise<string> {
  const found = parseAddress(host) === null ? await resolved(host, resolver) : [host];
  const address = found.find((one) => refuses(one, port) === null);
  if (address !== undefined) return address;
  const words = found.length === 0 ? "has no address" : `is ${refuses(found[0]!, port)}`;
  throw new Fault("bad-input", `${host} ${words}`);
}

async function resolved(host: string, resolver: NameResolver): Promise<string[]> {
  const found: string[] = [];
  for (const type of [TYPE.A, TYPE.AAAA]) {
    found.push(...addressesIn(await resolver.lookup(host, type), type));
    if (found.length > 0) break;
  }
  return found;
}
