import { X509Certificate } from "node:crypto";
import { coversHost } from "../policy/certificates/mod.ts";
import type { Handle } from "./observe.ts";
import { UPGRADED } from "./web-sockets.ts";

/** How long clients may go by what they were told of HTTP/3, seconds (RFC 7838 3.1). */
const TOLD_SEC = 3_600;

/** Of the HTTP/3 listener: `clear` while clients are to leave it; else the names it has certificates for. */
export type Http3State = "clear" | { readonly names: ReadonlySet<string> } | null;

/** What answers over HTTPS, by TCP or UDP, say of HTTP/3: Alt-Svc (RFC 7838). */
export class Http3Told {
  readonly #ownNames: readonly string[];
  readonly #port: () => number;
  readonly #state: () => Http3State;

  /** @param o `cert` is what who names no other host is shown; `port` of UDP, known once a request comes */
  constructor(o: {
    readonly cert: string;
    readonly port: () => number;
    readonly state: () => Http3State;
  }) {
    this.#ownNames = dnsNames(o.cert);
    this.#port = o.port;
    this.#state = o.state;
  }

  /** The same answers, each with what is to be said. */
  with(handle: Handle): Handle {
    return (request, connection) => {
      const answer = handle(request, connection);
      if (!(answer instanceof Promise)) return this.#tell(request, answer);
      return answer.then((response) => this.#tell(request, response));
    };
  }

  #tell(request: Request, response: Response): Response {
    const state = this.#state();
    if (response === UPGRADED || state === null) return response;
    if (state === "clear") response.headers.set("alt-svc", "clear");
    else if (this.#shows(state.names, request.headers.get("host") ?? "")) {
      response.headers.set("alt-svc", `h3=":${this.#port()}"; ma=${TOLD_SEC}`);
    }
    return response;
  }

  #shows(names: ReadonlySet<string>, hostField: string): boolean {
    const host = hostField.replace(/:\d*$/, "").toLowerCase();
    return names.has(host) || this.#ownNames.some((name) => coversHost(name, host));
  }
}

function dnsNames(cert: string): readonly string[] {
  const names = new X509Certificate(cert).subjectAltName ?? "";
  return [...names.matchAll(/DNS:([^\s,"]+)/g)].map(([, name]) => (name ?? "").toLowerCase());
}
