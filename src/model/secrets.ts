import type { OriginCredentialSet } from "./origin-credential.ts";
import type { SigningKeySet } from "./signing-keys.ts";
import type { TierKeySet } from "./tiers.ts";
import type { ServerExtrasSet } from "./zone-extras.ts";
import type { ZoneKeySet } from "./zone-keys.ts";

/**
 * Sets of secrets that control gives to nodes, by the word with which a node asks. None of them is in a
 * snapshot, and each travels sealed to the node that asked.
 */
export interface SecretSets {
  /** The keys that signed zones are signed with: for name servers. */
  readonly "zone.keys": ZoneKeySet;
  /** TSIG keys, challenges, and CAA of our zone: for name servers. */
  readonly "zone.extras": ServerExtrasSet;
  /** The keys of signed addresses: for caches. */
  readonly "signing.keys": SigningKeySet;
  /** What caches and probes show to web servers. */
  readonly "origin.credentials": OriginCredentialSet;
  /** Keys of caches among themselves. */
  readonly "tier.keys": TierKeySet;
}

/** Asks for a set of secrets; the answer is null when its digest is `have`. */
export interface SecretAsk {
  readonly have: string;
  /** The asker's X25519 public key (SPKI) in base64. */
  readonly sealTo: string;
}

/** JSON, sealed to the asker (store/sealed-box), in base64. */
export interface SealedWord {
  readonly sealed: string;
}

export type SecretRequests = {
  readonly [S in keyof SecretSets]: { readonly ask: SecretAsk; readonly reply: SealedWord | null };
};
