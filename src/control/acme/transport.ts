import { CaFault } from "./ca-fault.ts";

/** A chain of certificates, or a directory, is far smaller. */
const ANSWER_BYTES_MAX = 262_144;
const ANSWER_MS_MAX = 30_000;

export interface CaAsk {
  readonly method: "GET" | "HEAD" | "POST";
  /** A signed request, as JSON. */
  readonly body?: string;
}

export interface CaAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** One exchange with an authority. @throws CaFault `ca-unreachable` or `ca-broken` */
export type Transport = (url: string, ask: CaAsk) => Promise<CaAnswer>;

/** @param ca PEM; stopping: gives up what is under way */
export type OpenTransport = (ca: string | undefined, stopping: AbortSignal) => Transport;

/**
 * Over HTTPS, its certificate checked against the system's authorities, or against `ca` alone. Nothing is
 * followed elsewhere, and answers are bounded in size and time.
 */
export const httpsTransport: OpenTransport = (ca, stopping) => {
  return async (url, { method, body }) => {
    if (!url.startsWith("https://")) throw new CaFault("ca-broken", "a URL that is not https");
    try {
      const response = await fetch(url, {
        method,
        redirect: "manual",
        keepalive: false,
        headers: {
          "user-agent": "turnpike",
          ...(body === undefined ? {} : { "content-type": "application/jose+json" }),
        },
        ...(body === undefined ? {} : { body }),
        ...(ca === undefined ? {} : { tls: { ca } }),
        signal: AbortSignal.any([AbortSignal.timeout(ANSWER_MS_MAX), stopping]),
      });
      const { status, headers } = response;
      return { status, headers, text: await readBounded(response) };
    } catch (error) {
      if (error instanceof CaFault) throw error;
      const { host } = new URL(url);
      throw new CaFault("ca-unreachable", `${host}: ${wordsOf(error)}`, { cause: error });
    }
  };
};

async function readBounded(response: Response): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of response.body ?? []) {
    length += part.length;
    if (length > ANSWER_BYTES_MAX) {
      throw new CaFault("ca-broken", `an answer of more than ${ANSWER_BYTES_MAX} bytes`);
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return "no connection";
  if (error.name === "TimeoutError") return `no answer within ${ANSWER_MS_MAX / 1000} s`;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === "string" ? code : error.message.slice(0, 100);
}
