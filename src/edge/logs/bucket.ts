import { createHash, createHmac } from "node:crypto";
import type { OriginCredential } from "../../model/origin-credential.ts";
import type { SiteLogs } from "../../model/site-logs.ts";
import { type Hashes, s3Path, signV4 } from "../../wire/http/mod.ts";
import type { Fields } from "../cache/mod.ts";

const HASHES: Hashes = {
  sha256: (text) => createHash("sha256").update(text).digest("hex"),
  hmac: (key, message) => createHmac("sha256", key).update(message).digest(),
};

/**
 * A batch as an object of a bucket: `<what names begin with>/<site>/<day>/<hour>/<node>-<batch>.log.gz`. Day and
 * hour (UTC) are those of its first line, so that a batch that is sent again is the same object again.
 * The store holds the body against Content-MD5 and the signed SHA-256.
 */
export function putRequest(
  to: SiteLogs,
  body: Uint8Array,
  o: {
    readonly batch: {
      readonly node: string;
      readonly site: string;
      readonly id: string;
      readonly openedMs: number;
      readonly lost: number;
    };
    readonly access: Extract<OriginCredential, { kind: "access-key" }>;
    readonly nowMs: number;
  },
): { readonly path: string; readonly fields: Fields } {
  const { access, nowMs } = o;
  const { node, site, id, openedMs, lost } = o.batch;
  const url = new URL(to.to);
  const [day, hour] = new Date(openedMs).toISOString().slice(0, 13).split("T");
  const under = url.pathname.replace(/\/$/, "");
  const path = s3Path(`/${site}/${day}/${hour}/${node}-${id}.log.gz`, under) ?? "/";
  const fields = [
    ["host", url.host],
    ["content-encoding", "gzip"],
    ["content-md5", createHash("md5").update(body).digest("base64")],
    ["content-type", to.format === "json" ? "application/x-ndjson" : "text/plain"],
    ["x-amz-meta-turnpike-lost", String(lost)],
  ] as const;
  const payload = createHash("sha256").update(body).digest("hex");
  const key = { ...access, region: to.s3?.region ?? "us-east-1", service: "s3" };
  const signed = signV4({ method: "PUT", path, fields, payload }, key, { ...HASHES, nowMs });
  const unsigned = [
    ["content-length", String(body.length)],
    ["user-agent", "turnpike-logs"],
  ] as const;
  return { path, fields: [...fields, ...signed, ...unsigned] };
}
