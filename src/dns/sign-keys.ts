import { createHash, createPrivateKey, sign } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { ZoneKey, ZoneKeyFeed } from "../model/zone-keys.ts";
import { encodeName, lowerCaseName } from "../wire/dns/mod.ts";
import { SECURE } from "../wire/dnssec/mod.ts";
import type { Responder } from "./hot/answer.ts";
import { AnswerSigner, type Signing, type SignLimits } from "./hot/sign.ts";
import { type KeyParts, type SigningZone, signingZone } from "./hot/sign-zone.ts";
import type { Tables } from "./hot/tables.ts";
import type { UdpServer } from "./udp.ts";

/** Makes keys ready to sign. Throws for a key that cannot be read; no word of it is in the error. */
export function openKeys(keys: readonly ZoneKey[], clock: Clock, limits?: SignLimits): Signing {
  const byZone = new Map<string, ZoneKey[]>();
  for (const key of keys) byZone.set(key.zone, [...(byZone.get(key.zone) ?? []), key]);
  const zones = new Map<string, SigningZone>();
  for (const [zone, own] of byZone) {
    const name = encodeName(zone);
    if (name === null) continue;
    const opened = signingZone(lowerCaseName(name), own.map(openKey), sha256);
    if (opened !== null) zones.set(zone, opened);
  }
  return { zones, signer: new AnswerSigner(clock, limits) };
}

function openKey({ zone, algorithm, state, publicKey, privateKey }: ZoneKey): KeyParts {
  const secret = readKey(zone, privateKey);
  const p256 = algorithm === SECURE.P256;
  // Synchronous: a thread that sleeps in the kernel has no loop to wait in.
  const hash = p256 ? "sha256" : null;
  const key = { key: secret, dsaEncoding: "ieee-p1363" } as const;
  return {
    algorithm,
    state,
    publicKey: Uint8Array.from(Buffer.from(publicKey, "base64")),
    sign: (data) => sign(hash, data, p256 ? key : secret),
  };
}

function readKey(zone: string, privateKey: string) {
  try {
    const key = Buffer.from(privateKey, "base64");
    return createPrivateKey({ key, format: "der", type: "pkcs8" });
  } catch {
    throw new Error(`Cannot read a key of ${zone}`);
  }
}

function sha256(data: Uint8Array): Uint8Array {
  return createHash("sha256").update(data).digest();
}

/** Keeps the main thread's responder and the Workers' signing with the keys of now. */
export class KeyFollower {
  /** For Workers, before they answer the first packet. */
  readonly first: readonly ZoneKey[];
  readonly #o: {
    readonly feed: ZoneKeyFeed | null;
    readonly responder: Responder;
    readonly clock: Clock;
    readonly log: Log;
  };

  constructor(o: {
    readonly feed: ZoneKeyFeed | null;
    readonly responder: Responder;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#o = o;
    this.first = o.feed?.keys() ?? [];
    if (this.first.length > 0) this.#sign(this.first);
  }

  /** Returns the way to stop. */
  follow(udp: UdpServer): () => void {
    const { feed } = this.#o;
    if (feed === null) return () => {};
    const take = () => {
      const keys = feed.keys();
      const tables = this.#sign(keys);
      if (tables !== undefined) udp.keys(keys, tables);
    };
    // What came while the sockets were opened.
    if (feed.keys() !== this.first) take();
    return feed.onKeys(take);
  }

  /** The tables that tell of them, if there are any; undefined where the keys before stay. */
  #sign(keys: readonly ZoneKey[]): Tables | null | undefined {
    const { responder, clock, log } = this.#o;
    try {
      return responder.sign(openKeys(keys, clock));
    } catch (error) {
      log.error("Cannot sign with new keys: those before stay", { reason: String(error) });
      return undefined;
    }
  }
}
