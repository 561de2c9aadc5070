import type { OriginCredential, OriginCredentialSet } from "../../model/origin-credential.ts";
import { ORIGIN_CREDENTIALS_COPY } from "../../store/origin-credentials.ts";
import { asking, follow, SecretFeed, type SecretWorld } from "./secret-feed.ts";

/** What a node shows to web servers: from its copy on disk, then as control has it. */
export function startOriginCredentials(world: SecretWorld): Promise<OriginCredentials> {
  return follow(world, OriginCredentials, {
    ...{ file: "origin-credentials", copy: ORIGIN_CREDENTIALS_COPY },
    none: { digest: "", credentials: [] },
    ask: asking(world, "origin.credentials"),
    describe: (set) => [
      "Showing web servers new credentials",
      { credentials: set.credentials.length },
    ],
  });
}

export class OriginCredentials extends SecretFeed<OriginCredentialSet> {
  #of: OriginCredentialSet | null = null;
  #known = new Map<string, OriginCredential>();

  /** Null: the customer has no such credential. The same object as long as it stays the same. */
  find(customer: string, name: string): OriginCredential | null {
    if (this.#of !== this.set) {
      this.#of = this.set;
      const before = this.#known;
      this.#known = new Map(
        this.set.credentials.map((one) => {
          const key = `${one.customer} ${one.name}`;
          const old = before.get(key);
          const same = JSON.stringify(old) === JSON.stringify(one.credential);
          return [key, old !== undefined && same ? old : one.credential];
        }),
      );
    }
    return this.#known.get(`${customer} ${name}`) ?? null;
  }
}
