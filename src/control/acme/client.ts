import type { z } from "zod";
import type { Clock } from "../../base/clock.ts";
import {
  type Authorization,
  account as accountShape,
  authorization as authorizationShape,
  caProblem,
  challenge as challengeShape,
  type Directory,
  directory as directoryShape,
  externalBinding,
  type Order,
  order as orderShape,
  type RenewalInfo,
  renewalInfo as renewalInfoShape,
  request,
  retryAfterMs,
} from "../../wire/acme/mod.ts";
import type { AccountKey } from "./account-key.ts";
import { CaFault } from "./ca-fault.ts";
import type { CaAnswer, Transport } from "./transport.ts";

/** An authority refuses a nonce now and then (RFC 8555 6.5): asked so often with another. */
const NONCE_TRIES = 8;
const NONCES_MAX = 20;

export interface CaClientOptions {
  /** URL. */
  readonly directory: string;
  readonly transport: Transport;
  readonly key: AccountKey;
  /** The account's URL, where it is known. */
  readonly accountUrl: string | null;
  readonly clock: Clock;
}

/** What was read, and when to look again if it is not done. */
export interface Read<T> {
  readonly value: T;
  readonly afterMs: number | null;
}

/** Binds the account to one that the authority knows. @param sign HS256 of ASCII, in base64url */
export interface Binding {
  readonly kid: string;
  readonly sign: (input: string) => string;
}

/**
 * A client of one certificate authority for one account (RFC 8555). It keeps nothing and waits for
 * nothing: who calls it decides what comes next. Every method throws CaFault.
 */
export class CaClient {
  readonly #o: CaClientOptions;
  readonly #nonces: string[] = [];
  #accountUrl: string | null;
  #directory: Directory | null = null;

  constructor(o: CaClientOptions) {
    this.#o = o;
    this.#accountUrl = o.accountUrl;
  }

  /** The account's URL; "" before there is one. */
  get accountUrl(): string {
    return this.#accountUrl ?? "";
  }

  async directory(): Promise<Directory> {
    this.#directory ??= await this.#get(this.#o.directory, directoryShape, "directory");
    return this.#directory;
  }

  /** Makes the account, or finds that of this key (7.3.1); its URL. */
  async register(o: {
    readonly contact: string | undefined;
    readonly binding: Binding | null;
  }): Promise<string> {
    const { newAccount, meta } = await this.directory();
    const { binding } = o;
    if (binding === null && meta?.externalAccountRequired === true) {
      throw new CaFault("ca-refused", "it wants an account that it knows: acme.eab is needed");
    }
    const { jwk } = this.#o.key;
    const bound =
      binding === null ? null : externalBinding({ kid: binding.kid, url: newAccount, jwk });
    const payload = {
      termsOfServiceAgreed: true,
      ...(o.contact === undefined ? {} : { contact: [`mailto:${o.contact}`] }),
      ...(bound === null || binding === null
        ? {}
        : { externalAccountBinding: JSON.parse(bound.signed(binding.sign(bound.input))) }),
    };
    const answer = await this.#post(newAccount, payload, true);
    const { status } = read(answer, accountShape, "account");
    if (status !== "valid") throw new CaFault("ca-refused", `the account is ${status}`);
    this.#accountUrl = urlOf(answer);
    return this.#accountUrl;
  }

  /** @param replaces the id of the certificate that this one follows (RFC 9773 5) */
  async newOrder(
    host: string,
    replaces: string | null,
  ): Promise<{ readonly url: string; readonly order: Order }> {
    const { newOrder } = await this.directory();
    const more = replaces === null ? {} : { replaces };
    const payload = { identifiers: [{ type: "dns", value: host }], ...more };
    const answer = await this.#post(newOrder, payload);
    return { url: urlOf(answer), order: read(answer, orderShape, "order") };
  }

  order(url: string): Promise<Read<Order>> {
    return this.#postAsGet(url, orderShape, "order");
  }

  authorization(url: string): Promise<Read<Authorization>> {
    return this.#postAsGet(url, authorizationShape, "authorization");
  }

  /** Tells that the challenge can be looked at (7.5.1); when to look whether it was, if it says so. */
  async respond(challengeUrl: string): Promise<number | null> {
    const answer = await this.#post(challengeUrl, {});
    read(answer, challengeShape, "challenge");
    return this.#afterOf(answer);
  }

  /** @param csr DER in base64url */
  async finalize(url: string, csr: string): Promise<Read<Order>> {
    const answer = await this.#post(url, { csr });
    return { value: read(answer, orderShape, "order"), afterMs: this.#afterOf(answer) };
  }

  /** PEM: the certificate, then those that lead to its authority. */
  async certificate(url: string): Promise<string> {
    return (await this.#post(url, null)).text;
  }

  /** @param der in base64url; reason RFC 5280 5.3.1 */
  async revoke(der: string, reason: number): Promise<void> {
    const { revokeCert } = await this.directory();
    await this.#post(revokeCert, { certificate: der, reason });
  }

  /** Null where the authority has no such thing. @param id as `certificateId()` has it */
  async renewalInfo(id: string): Promise<Read<RenewalInfo> | null> {
    const { renewalInfo } = await this.directory();
    if (renewalInfo === undefined) return null;
    const url = `${renewalInfo.replace(/\/$/, "")}/${id}`;
    const answer = good(await this.#o.transport(url, { method: "GET" }), this.#nowMs());
    const value = read(answer, renewalInfoShape, "renewal information");
    return { value, afterMs: this.#afterOf(answer) };
  }

  async #get<S extends z.ZodType>(url: string, shape: S, what: string): Promise<z.output<S>> {
    const answer = await this.#o.transport(url, { method: "GET" });
    return read(good(answer, this.#nowMs()), shape, what);
  }

  async #postAsGet<S extends z.ZodType>(url: string, shape: S, what: string) {
    const answer = await this.#post(url, null);
    return { value: read(answer, shape, what), afterMs: this.#afterOf(answer) };
  }

  /** @param asKey signed as the key itself, which has no account yet */
  async #post(url: string, payload: unknown, asKey = false): Promise<CaAnswer> {
    const { key, transport } = this.#o;
    if (!asKey && this.#accountUrl === null) throw new CaFault("ca-refused", "no account yet");
    const by = asKey || this.#accountUrl === null ? { jwk: key.jwk } : { kid: this.#accountUrl };
    for (let tries = 1; ; tries++) {
      const nonce = this.#nonces.pop() ?? (await this.#newNonce());
      const { input, signed } = request({ url, nonce, by, payload });
      const answer = await transport(url, { method: "POST", body: signed(key.sign(input)) });
      this.#keepNonce(answer);
      try {
        return good(answer, this.#nowMs());
      } catch (fault) {
        const isStale = fault instanceof CaFault && fault.is("badNonce");
        if (!isStale || tries >= NONCE_TRIES) throw fault;
      }
    }
  }

  async #newNonce(): Promise<string> {
    const { newNonce } = await this.directory();
    const answer = await this.#o.transport(newNonce, { method: "HEAD" });
    this.#keepNonce(answer);
    const nonce = this.#nonces.pop();
    if (nonce === undefined) throw new CaFault("ca-broken", "an answer without a nonce");
    return nonce;
  }

  #keepNonce({ headers }: CaAnswer): void {
    const nonce = headers.get("replay-nonce");
    if (nonce === null || !/^[A-Za-z0-9_-]{1,500}$/.test(nonce)) return;
    this.#nonces.push(nonce);
    if (this.#nonces.length > NONCES_MAX) this.#nonces.shift();
  }

  #afterOf({ headers }: CaAnswer): number | null {
    return retryAfterMs(headers.get("retry-after"), this.#nowMs());
  }

  #nowMs(): number {
    return this.#o.clock.wallMs();
  }
}

/** The answer if it is a good one. */
function good(answer: CaAnswer, nowMs: number): CaAnswer {
  const { status, headers, text } = answer;
  if (status >= 200 && status < 300) return answer;
  const afterMs = retryAfterMs(headers.get("retry-after"), nowMs);
  const problem = caProblem.safeParse(parsed(text));
  const isProblem = (headers.get("content-type") ?? "").startsWith("application/problem+json");
  if (isProblem && problem.success) throw CaFault.refused(problem.data, afterMs);
  throw new CaFault(status >= 500 ? "ca-unreachable" : "ca-broken", `status ${status}`, {
    afterMs,
  });
}

function read<S extends z.ZodType>(answer: CaAnswer, shape: S, what: string): z.output<S> {
  const result = shape.safeParse(parsed(answer.text));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const at = issue === undefined ? "" : `: ${issue.path.join(".")} ${issue.message}`;
  throw new CaFault(
    "ca-broken",
    `not ${what === "order" ? "an" : "the"} ${what}${at}`.slice(0, 200),
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Where what was made is. */
function urlOf({ headers }: CaAnswer): string {
  const url = headers.get("location") ?? "";
  if (/^https:\/\/[^\s]{1,2000}$/.test(url)) return url;
  throw new CaFault("ca-broken", "an answer without the URL of what was made");
}
