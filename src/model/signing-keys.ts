/**
 * A customer's key for signed addresses (rules: `signed`). Travels only from control to caches: never
 * in a snapshot, a log or an API's answer but the one that made it.
 */
export interface SigningKey {
  readonly customer: string;
  readonly name: string;
  /** 32 to 128 bytes, in base64. */
  readonly secret: string;
}

export interface SigningKeySet {
  /** Changes when anything in `keys` does. */
  readonly digest: string;
  readonly keys: readonly SigningKey[];
}
