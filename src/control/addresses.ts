import { createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import type { AddressList, SignedAddresses } from "../model/api/mod.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { readSealedCopy, writeSealedCopy } from "../store/sealed-copy.ts";

const KEY_COPY = { name: "key of the list of addresses", shape: z.object({ seed: z.string() }) };
const SEED_BYTES = 32;
/** PKCS #8 of an Ed25519 seed (RFC 8410 7), and SPKI of its public key (RFC 8410 4). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");
const SPKI_BYTES = 12;

/** Signs the list of addresses from which web servers are asked, with a key that stays the same. */
export class AddressSigner {
  readonly #key: KeyObject;
  readonly #public: string;
  #last: { readonly hash: string; readonly signed: SignedAddresses } | null = null;

  private constructor(seed: Buffer) {
    const der = Buffer.concat([PKCS8_HEAD, seed]);
    this.#key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
    const spki = createPublicKey(this.#key).export({ format: "der", type: "spki" });
    this.#public = spki.subarray(SPKI_BYTES).toString("base64");
  }

  /**
   * With the key that is kept in this folder, made at the first time.
   *
   * @throws Fault `store-corrupt` where it is there and cannot be opened: another would be no better
   */
  static async open(o: { readonly dataDir: string; readonly rng: Rng }): Promise<AddressSigner> {
    const path = join(o.dataDir, "addresses-key.sealed");
    const file = { path, masterPath: join(o.dataDir, "addresses-key.secret"), rng: o.rng };
    const kept = await readSealedCopy(file, KEY_COPY);
    if (kept !== null) return new AddressSigner(Buffer.from(kept.seed, "base64"));
    if (existsSync(path)) throw new Fault("store-corrupt", `${path} cannot be opened`);
    const seed = Buffer.from(o.rng.bytes(SEED_BYTES));
    await writeSealedCopy(file, KEY_COPY, { seed: seed.toString("base64") });
    return new AddressSigner(seed);
  }

  /** Once for each snapshot. */
  of(snapshot: Snapshot): SignedAddresses {
    if (this.#last?.hash === snapshot.hash) return this.#last.signed;
    const payload = JSON.stringify(addressesIn(snapshot));
    const signature = sign(null, Buffer.from(payload), this.#key).toString("base64");
    const signed = { payload, algorithm: "Ed25519", key: this.#public, signature } as const;
    this.#last = { hash: snapshot.hash, signed };
    return signed;
  }
}

/** Nodes that ask web servers of customers, by name. */
export function addressesIn(snapshot: Snapshot): AddressList {
  const nodes = snapshot.nodes.flatMap(({ name, roles, v4, v6 }) => {
    const asking = roles.filter((role) => role === "edge" || role === "probe");
    if (asking.length === 0) return [];
    return [{ name, roles: asking, ...(v4 && { v4 }), ...(v6 && { v6 }) }];
  });
  nodes.sort((a, b) => (a.name < b.name ? -1 : 1));
  const issuedAt = new Date(snapshot.createdAtMs).toISOString();
  return { zone: snapshot.zone, number: snapshot.number, issuedAt, nodes };
}
