import type { Rng } from "../base/rng.ts";
import type { SealedWord } from "../model/secrets.ts";
import { masterKey } from "./sealed.ts";
import { boxKey, openBox, sealTo } from "./sealed-box.ts";

/**
 * Seals a value for one node's eyes, as it travels on the bus.
 *
 * @param to the node's X25519 public key (SPKI) in base64
 * @throws Error when it is no such key
 */
export function sealWord(to: string, value: unknown, rng: Rng): SealedWord {
  const secret = Buffer.from(JSON.stringify(value));
  const box = sealTo(Buffer.from(to, "base64"), { secret, rng });
  return { sealed: Buffer.from(box).toString("base64") };
}

/** A node's own key, to which control seals what it gives the node. */
export class NodeBox {
  readonly #secret: Uint8Array;
  /** The public key, for who seals: SPKI in base64. */
  readonly sealTo: string;

  /** @param secret 32 octets */
  constructor(secret: Uint8Array) {
    this.#secret = secret;
    this.sealTo = Buffer.from(boxKey(secret)).toString("base64");
  }

  /**
   * With the secret of a file that only its owner may read; made if there is none.
   *
   * @throws Fault `store-corrupt` when the file holds something else, or of the disk
   */
  static at(path: string, rng: Rng): NodeBox {
    return new NodeBox(masterKey(path, rng, true));
  }

  /** @throws Error when it was sealed to another, or an octet was changed */
  open(word: SealedWord): unknown {
    const plain = openBox(this.#secret, Buffer.from(word.sealed, "base64"));
    return JSON.parse(Buffer.from(plain).toString());
  }
}
