import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { MemberRole } from "../model/api/mod.ts";
import type { Store, StoredToken } from "../store/mod.ts";
import { type Caller, NOBODY } from "./caller.ts";
import { secret, sha256 } from "./digest.ts";
import { emailKey } from "./member-list.ts";
import { hashPassword, verifyPassword } from "./password.ts";
import { Throttle, tooMany } from "./throttle.ts";

const HOUR_MS = 3_600_000;
/** A session ends after this long unused, and after this long at all. */
export const SESSION_IDLE_MS = 12 * HOUR_MS;
export const SESSION_MS = 7 * 24 * HOUR_MS;
/** How stale `seen` and `used` times may be: a write per request is too many. */
const SEEN_MS = 60_000;
/** Passwords hashed at once: each takes 19 MiB and 20 ms of a core. */
const HASHING_MAX = 2;
/** Sign-ins that may wait for that. */
const WAITING_MAX = 20;

/** Bearer tokens begin so; what follows is 32 random bytes. */
export const TOKEN_PREFIX = "tp_";

export interface SignedIn {
  readonly caller: Caller;
  /** The session's secret, for the cookie; only its hash is stored. */
  readonly secret: string;
}

/** Turns passwords, cookies and tokens into callers. Roles are looked up each time: never stale. */
export class Auth {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #log: Log;
  readonly #byEmail: Throttle;
  readonly #byAddress: Throttle;
  #hashing = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(o: {
    readonly store: Store;
    readonly clock: Clock;
    readonly rng: Rng;
    readonly log: Log;
  }) {
    this.#store = o.store;
    this.#clock = o.clock;
    this.#rng = o.rng;
    this.#log = o.log;
    this.#byEmail = new Throttle(o.clock, { perSec: 1 / 30, burst: 8 });
    this.#byAddress = new Throttle(o.clock, { perSec: 1 / 5, burst: 40 });
  }

  /** Makes the operator's account what the options say; a new password ends their sessions. */
  async setOperator(email: string, password: string): Promise<void> {
    const key = emailKey(email);
    const before = await this.#store.people.operator();
    const same = before?.email === key && (await verifyPassword(password, before.passwordHash));
    if (!same) await this.#store.people.setOperator(key, await hashPassword(password));
  }

  /**
   * @param address of the client, to slow down guessing from one place
   * @throws Fault `not-signed-in`, the same for an unknown address; `too-many-requests`
   */
  async signIn(email: string, password: string, address: string): Promise<SignedIn> {
    const key = emailKey(email);
    const wait = Math.max(this.#byEmail.take(key), this.#byAddress.take(address));
    if (wait > 0) {
      this.#log.warn("Too many sign-ins", { email: key, address });
      throw tooMany(wait);
    }
    const account = await this.#account(key);
    const fits = await this.#inTurn(() => verifyPassword(password, account?.hash ?? null));
    if (!fits || account === null) {
      this.#log.info("A sign-in failed", { email: key, address });
      throw new Fault("not-signed-in", "the e-mail address or the password is wrong");
    }
    this.#byEmail.giveBack(key);
    this.#byAddress.giveBack(address);
    const made = secret(this.#rng, 32);
    const nowMs = this.#clock.wallMs();
    const { kind, customer, role } = account;
    const idHash = sha256(made);
    await this.#store.people.dropSessions(nowMs - SESSION_MS, nowMs - SESSION_IDLE_MS);
    await this.#store.people.addSession(
      { idHash, kind, email: key, createdMs: nowMs, seenMs: nowMs },
      this.#audit(key, customer, "session.create"),
    );
    const caller: Caller = {
      kind,
      email: key,
      actor: key,
      customer,
      role,
      via: "session",
      sessionHash: idHash,
    };
    return { caller, secret: made };
  }

  async signOut(caller: Caller): Promise<void> {
    if (caller.sessionHash === null) return;
    const audit = this.#audit(caller.actor, caller.customer, "session.delete");
    await this.#store.people.dropSession(caller.sessionHash, audit);
  }

  /** Who holds this session cookie; nobody when it is unknown, over, or the account is gone. */
  async bySession(cookie: string): Promise<Caller> {
    const idHash = sha256(cookie);
    const session = await this.#store.people.session(idHash);
    const nowMs = this.#clock.wallMs();
    if (session === null || nowMs - session.createdMs > SESSION_MS) return NOBODY;
    if (nowMs - session.seenMs > SESSION_IDLE_MS) return NOBODY;
    const account = await this.#account(session.email);
    if (account === null || account.kind !== session.kind) return NOBODY;
    if (nowMs - session.seenMs > SEEN_MS) await this.#store.people.seeSession(idHash, nowMs);
    const { kind, customer, role } = account;
    const { email } = session;
    return { kind, email, actor: email, customer, role, via: "session", sessionHash: idHash };
  }

  /** Who holds this token; nobody when it is unknown, over, or its maker's access is gone. */
  async byToken(text: string): Promise<Caller> {
    return text.startsWith(TOKEN_PREFIX) ? this.byTokenHash(sha256(text)) : NOBODY;
  }

  /** The same where all that is known of the token is its SHA-256, in hex. */
  async byTokenHash(hash: string): Promise<Caller> {
    const token = await this.#store.people.tokenByHash(hash);
    const nowMs = this.#clock.wallMs();
    if (token === null || nowMs > token.expiresMs) return NOBODY;
    const caller = await this.#holder(token);
    if (caller.kind !== "nobody" && nowMs - (token.usedMs ?? 0) > SEEN_MS) {
      await this.#store.people.seeToken(token.id, nowMs);
    }
    return caller;
  }

  async #holder(token: StoredToken): Promise<Caller> {
    const maker = await this.#account(token.owner);
    if (maker === null) return NOBODY;
    const email = token.owner;
    const only = token.scope === "purge" ? ({ purgesOnly: true } as const) : {};
    const of = { email, actor: `token/${token.id}`, sessionHash: null } as const;
    const head = { ...of, via: "token", ...only } as const;
    const role = token.scope === "read" ? "viewer" : maker.role;
    if (maker.kind === "operator") {
      if (token.customer === null) return { ...head, kind: "operator", customer: null, role };
      return { ...head, kind: "member", customer: token.customer, role };
    }
    if (maker.customer !== token.customer) return NOBODY;
    return { ...head, kind: "member", customer: maker.customer, role };
  }

  async #account(email: string): Promise<{
    readonly kind: "operator" | "member";
    readonly customer: string | null;
    readonly role: MemberRole;
    readonly hash: string | null;
  } | null> {
    const operator = await this.#store.people.operator();
    if (operator?.email === email) {
      return { kind: "operator", customer: null, role: "owner", hash: operator.passwordHash };
    }
    const member = await this.#store.people.member(email);
    if (member === null) return null;
    const { customer, role, passwordHash: hash } = member;
    return { kind: "member", customer, role, hash };
  }

  #audit(actor: string, customer: string | null, action: string) {
    return { atMs: this.#clock.wallMs(), actor, customer, action, subject: actor, changes: [] };
  }

  /** A few at a time, the rest in line; a longer line is refused. */
  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    if (this.#hashing >= HASHING_MAX) {
      if (this.#waiting.length >= WAITING_MAX) throw tooMany(1);
      await new Promise<void>((go) => this.#waiting.push(go));
    } else this.#hashing += 1;
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#hashing -= 1;
      else next();
    }
  }
}
