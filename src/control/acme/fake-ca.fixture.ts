import { createPublicKey, verify } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { CaAnswer, CaAsk, OpenTransport } from "./transport.ts";

export const DIRECTORY = "https://ca.example/dir";
const BASE = "https://ca.example";

export interface FakeOrder {
  readonly id: number;
  readonly host: string;
  readonly replaces: string | null;
  authorized: boolean;
  /** PEM, once it was issued. */
  cert: string | null;
}

export interface FakeCaOptions {
  readonly clock: Clock;
  /** A certificate for the name and this key: DER of SubjectPublicKeyInfo. */
  readonly issue: (host: string, spki: Buffer) => string;
  /** Whether the challenge can be seen; else its words. */
  readonly look: (host: string, type: string, keyAuthorization: string) => Promise<string | null>;
}

/** An authority in this process, which checks each request as a real one does, and can be made to fail. */
export class FakeCa {
  readonly orders: FakeOrder[] = [];
  readonly asked: string[] = [];
  readonly revoked: number[] = [];
  readonly issuedMs: number[] = [];
  /** When it suggests to renew, if it has such a thing. */
  window: { start: string; end: string } | null = null;
  /** Before the n-th exchange from now, or after it, it goes silent for ever. */
  set silentAt(at: { n: number; when: "before" | "after" } | null) {
    this.#silentAt = at;
    this.#silence = Promise.withResolvers();
  }

  /** Resolves when it has gone silent. */
  get silence(): Promise<void> {
    return this.#silence.promise;
  }

  get accounts(): number {
    return this.#accounts.size;
  }

  /** What it refuses, by the last part of the path asked. */
  readonly refusals = new Map<string, { type: string; detail: string; retryAfter?: string }>();
  /** Good nonces that it refuses from now on. */
  nonceRefusals = 0;
  readonly #o: FakeCaOptions;
  readonly #nonces = new Set<string>();
  readonly #accounts = new Map<string, JsonWebKey>();
  #next = 1;
  #silentAt: { n: number; when: "before" | "after" } | null = null;
  #silence = Promise.withResolvers<void>();

  constructor(o: FakeCaOptions) {
    this.#o = o;
  }

  readonly open: OpenTransport = (_, stopping) => async (url, ask) => {
    const silence = () =>
      new Promise<never>((_resolve, reject) => {
        this.#silence.resolve();
        stopping.addEventListener("abort", () => reject(new Error("stopped")));
      });
    const at = this.#silentAt;
    if (at !== null) at.n--;
    if (at !== null && (at.n < 0 || (at.n === 0 && at.when === "before"))) return silence();
    const answer = await this.#answer(url, ask);
    return at !== null && at.n === 0 ? silence() : answer;
  };

  /** Accounts are gone, as they are when it has another memory. */
  forgetAccounts(): void {
    this.#accounts.clear();
  }

  async #answer(url: string, { method, body }: CaAsk): Promise<CaAnswer> {
    const path = url.slice(BASE.length);
    this.asked.push(`${method} ${path}`);
    if (path === "/dir") return this.#reply(200, this.#directory());
    if (path === "/nonce") return this.#reply(200, {});
    if (path.startsWith("/ari/")) return this.#reply(200, { suggestedWindow: this.window });
    const signed = this.#check(url, body ?? "");
    if ("status" in signed) return signed;
    const { account, payload, jwk } = signed;
    const refusal = this.refusals.get(path.split("/")[1] ?? "");
    if (refusal !== undefined) {
      const more = refusal.retryAfter === undefined ? {} : { "retry-after": refusal.retryAfter };
      return this.#problem(refusal.type, refusal.detail, more);
    }
    if (path === "/account") return this.#account(jwk);
    if (!this.#accounts.has(account)) return this.#problem("accountDoesNotExist", "no account");
    return this.#serve(path, payload, account);
  }

  async #serve(path: string, payload: unknown, account: string): Promise<CaAnswer> {
    const [, what, id = ""] = path.split("/");
    if (what === "order-new") return this.#newOrder(payload as never);
    if (what === "revoke") {
      this.revoked.push((payload as { reason: number }).reason);
      return this.#reply(200, {});
    }
    const order = this.orders.find((one) => one.id === Number(id));
    if (order === undefined) return this.#problem("malformed", "no such order");
    if (what === "challenge") return this.#challenge(order, path.split("/")[3] ?? "", account);
    if (what === "finalize") {
      if (order.cert === null) this.issuedMs.push(this.#o.clock.wallMs());
      const csr = Buffer.from((payload as { csr: string }).csr, "base64url");
      order.cert ??= this.#o.issue(order.host, spkiOf(csr));
    }
    if (what === "cert") return { ...this.#reply(200, {}), text: order.cert ?? "" };
    return this.#reply(200, what === "authz" ? authzOf(order, this.words) : orderOf(order));
  }

  /** Why the last challenge was not seen. */
  words: string | null = null;

  async #challenge(order: FakeOrder, type: string, account: string): Promise<CaAnswer> {
    const jwk = this.#accounts.get(account);
    const { crv, kty, x, y } = jwk ?? {};
    const hash = new Bun.CryptoHasher("sha256").update(JSON.stringify({ crv, kty, x, y }));
    const keyAuthorization = `${tokenOf(order)}.${hash.digest("base64url")}`;
    this.words = await this.#o.look(order.host, type, keyAuthorization);
    order.authorized = this.words === null;
    return this.#reply(
      200,
      challengesOf(order, this.words).find((one) => one.type === type),
    );
  }

  #newOrder(of: { identifiers: { value: string }[]; replaces?: string }): CaAnswer {
    const host = of.identifiers[0]?.value ?? "";
    const replaces = of.replaces ?? null;
    const order = { id: this.#next++, host, replaces, authorized: false, cert: null };
    this.orders.push(order);
    return this.#reply(201, orderOf(order), { location: `${BASE}/order/${order.id}` });
  }

  #account(jwk: JsonWebKey | undefined): CaAnswer {
    const known = [...this.#accounts].find(([, one]) => one.x === jwk?.x);
    const url = known?.[0] ?? `${BASE}/acct/${this.#next++}`;
    this.#accounts.set(url, jwk ?? {});
    return this.#reply(known === undefined ? 201 : 200, { status: "valid" }, { location: url });
  }

  /** The signature, the nonce and the URL of a request (RFC 8555 6.2, 6.4, 6.5). */
  #check(url: string, body: string) {
    const { protected: head, payload, signature } = JSON.parse(body);
    const text = (part: string) => Buffer.from(part, "base64url").toString();
    const header = JSON.parse(text(head));
    const isFresh = this.#nonces.delete(header.nonce);
    if (!isFresh || this.nonceRefusals-- > 0) return this.#problem("badNonce", "another nonce");
    this.nonceRefusals = Math.max(0, this.nonceRefusals);
    if (header.url !== url) return this.#problem("unauthorized", "another URL");
    const jwk = (header.jwk ?? this.#accounts.get(header.kid)) as JsonWebKey | undefined;
    if (jwk === undefined) return this.#problem("accountDoesNotExist", "no account");
    const key = createPublicKey({ key: jwk as never, format: "jwk" });
    const by = { key, dsaEncoding: "ieee-p1363" as const };
    const octets = Buffer.from(signature, "base64url");
    if (!verify("sha256", Buffer.from(`${head}.${payload}`), by, octets)) {
      return this.#problem("malformed", "the signature is wrong");
    }
    const plain = payload === "" ? null : JSON.parse(text(payload));
    return { account: header.kid ?? "", jwk: header.jwk as JsonWebKey | undefined, payload: plain };
  }

  #directory() {
    const paths = { newNonce: "nonce", newAccount: "account", newOrder: "order-new" };
    const all = { ...paths, revokeCert: "revoke", ...(this.window && { renewalInfo: "ari" }) };
    return Object.fromEntries(Object.entries(all).map(([name, at]) => [name, `${BASE}/${at}`]));
  }

  #problem(kind: string, detail: string, more: Record<string, string> = {}): CaAnswer {
    const type = `urn:ietf:params:acme:error:${kind}`;
    return this.#reply(
      400,
      { type, detail },
      { "content-type": "application/problem+json", ...more },
    );
  }

  #reply(status: number, body: unknown, more: Record<string, string> = {}): CaAnswer {
    const nonce = `n${this.#next++}`;
    this.#nonces.add(nonce);
    const headers = new Headers({ "replay-nonce": nonce, "retry-after": "0", ...more });
    return { status, headers, text: JSON.stringify(body) };
  }
}

function tokenOf({ id }: FakeOrder): string {
  return `token-${id}`;
}

function challengesOf(order: FakeOrder, words: string | null) {
  const status = words !== null ? "invalid" : order.authorized ? "valid" : "pending";
  const error = words === null ? {} : { error: { type: "about:blank", detail: words } };
  return ["http-01", "dns-01", "tls-alpn-01"].map((type) => {
    const url = `${BASE}/challenge/${order.id}/${type}`;
    return { type, url, status, token: tokenOf(order), ...error };
  });
}

function authzOf(order: FakeOrder, words: string | null) {
  const status = words !== null ? "invalid" : order.authorized ? "valid" : "pending";
  const identifier = { type: "dns", value: order.host };
  return { status, identifier, challenges: challengesOf(order, words) };
}

function orderOf({ id, host, authorized, cert }: FakeOrder) {
  const status = cert !== null ? "valid" : authorized ? "ready" : "pending";
  return {
    ...{ status, identifiers: [{ type: "dns", value: host }] },
    authorizations: [`${BASE}/authz/${id}`],
    finalize: `${BASE}/finalize/${id}`,
    ...(cert === null ? {} : { certificate: `${BASE}/cert/${id}` }),
  };
}

/** The key in a request for a certificate: P-256's always begins so. */
function spkiOf(csr: Buffer): Buffer {
  const head = Buffer.from("3059301306072a8648ce3d0201", "hex");
  const at = csr.indexOf(head);
  return csr.subarray(at, at + 91);
}
