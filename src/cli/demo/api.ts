import {
  API_PREFIX,
  type Applied,
  type Changed,
  type Explanation,
  type Invoice,
  type Live,
  type NodeView,
  type ProblemDetails,
  type SiteView,
  type TokenCreated,
  type UsageRow,
} from "../../model/api/mod.ts";

/** The API refused: its public words and all problems in one line. */
export class ApiRefusal extends Error {
  override readonly name = "ApiRefusal";
  readonly status: number;

  constructor(status: number, words: string) {
    super(words);
    this.status = status;
  }
}

/** What the demo asks of the control role, over real HTTP, as any other client of the API does. */
export class Api {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = url;
    this.#headers = headers;
  }

  get url(): string {
    return this.#url;
  }

  /** Signs in and makes a token; the result calls with that token. */
  async signIn(who: {
    readonly email: string;
    readonly password: string;
  }): Promise<{ readonly api: Api; readonly token: string }> {
    const cookie = await this.cookieOf(who);
    const signedIn = new Api(this.#url, { cookie, origin: this.#url });
    const made = await signedIn.call<TokenCreated>("POST", "/tokens", {
      name: "demo",
      scope: "write",
    });
    const api = new Api(this.#url, { authorization: `Bearer ${made.token}` });
    return { api, token: made.token };
  }

  /** Signs in as the portal does; the session cookie as a `cookie` request field. */
  async cookieOf(who: { readonly email: string; readonly password: string }): Promise<string> {
    const response = await this.#send("POST", "/session", {
      email: who.email,
      password: who.password,
    });
    return response.headers
      .getSetCookie()
      .map((c) => c.split(";")[0])
      .join("; ");
  }

  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await this.#send(method, path, body);
    return (response.status === 204 ? null : await response.json()) as T;
  }

  async #send(method: string, path: string, body?: unknown): Promise<Response> {
    const response = await fetch(`${this.#url}${API_PREFIX}${path}`, {
      method,
      headers: { ...this.#headers, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    if (response.ok) return response;
    throw new ApiRefusal(response.status, await wordsOf(response, `${method} ${path}`));
  }

  apply(yaml: string): Promise<Applied> {
    return this.call("POST", "/apply", { yaml });
  }

  explain(name: string, client: string): Promise<Explanation> {
    return this.call("GET", `/explain?name=${name}&client=${client}`);
  }

  live(customer: string, hostname: string): Promise<Live> {
    return this.call("GET", `/customers/${customer}/sites/${hostname}/live`);
  }

  nodes(): Promise<readonly NodeView[]> {
    return this.call("GET", "/nodes");
  }

  sites(customer: string): Promise<readonly SiteView[]> {
    return this.call("GET", `/customers/${customer}/sites`);
  }

  deleteOrigin(customer: string, hostname: string, name: string): Promise<Changed> {
    return this.call("DELETE", `/customers/${customer}/sites/${hostname}/origins/${name}`);
  }

  usage(customer: string): Promise<readonly UsageRow[]> {
    return this.call("GET", `/customers/${customer}/usage`);
  }

  /** The month as far as it went. */
  issueInvoice(customer: string, period: string): Promise<Invoice> {
    return this.call("POST", `/customers/${customer}/invoices`, { period, upTo: "now" });
  }

  payInvoice(id: string): Promise<Invoice> {
    return this.call("POST", `/invoices/${id}/paid`);
  }
}

async function wordsOf(response: Response, what: string): Promise<string> {
  try {
    const details = (await response.json()) as Partial<ProblemDetails>;
    const problems = (details.problems ?? []).map((p) => `${p.path}: ${p.message}`);
    return `${what}: ${[details.title ?? response.status, ...problems].join("; ")}`;
  } catch {
    return `${what}: status ${response.status}`;
  }
}
