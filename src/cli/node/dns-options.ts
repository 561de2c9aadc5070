import type { Rng } from "../../base/rng.ts";
import type { AnswerSettings } from "../../dns/mod.ts";
import type { NodeFile } from "../../model/node-file.ts";

const SECRET_BYTES = 16;

/** What the node file's `dns:` asks for. Without a secret for cookies this start makes its own. */
export function answerSettings(file: NodeFile, rng: Rng): AnswerSettings {
  const { nsid, cookies, rateLimit, queryLog } = file.dns;
  const secrets = cookies.secrets.map((hex) => Uint8Array.from(Buffer.from(hex, "hex")));
  const { enabled, ...rateLimits } = rateLimit;
  return {
    nsid: nsid ?? file.name,
    cookies: cookies.enabled
      ? {
          secrets: secrets.length > 0 ? secrets : [rng.bytes(SECRET_BYTES)],
          required: cookies.required,
        }
      : null,
    rateLimits: enabled ? rateLimits : null,
    sampleEach: queryLog?.each ?? 0,
  };
}
