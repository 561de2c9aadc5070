import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { Bus } from "../../bus/mod.ts";
import type { Feed } from "../../model/feed.ts";
import type { OriginCredential, OriginCredentialSet } from "../../model/origin-credential.ts";
import { readOriginCredentials, writeOriginCredentials } from "../../store/origin-credentials.ts";
import { ASK_MS, SecretFeed } from "./secret-feed.ts";

/** What a node shows to web servers: from its copy on disk, then as control has it. */
export async function startOriginCredentials(o: {
  readonly path: string;
  readonly masterPath: string;
  readonly feed: Pick<Feed, "onSnapshot">;
  readonly bus: Bus;
  readonly rng: Rng;
  readonly log: Log;
}): Promise<OriginCredentials> {
  const { feed, bus, log } = o;
  const credentials = new OriginCredentials({
    kept: (await readOriginCredentials(o)) ?? { digest: "", credentials: [] },
    ask: (have) => bus.request("origin.credentials", { have }, ASK_MS),
    keep: (set) => writeOriginCredentials(o, set),
    describe: (set) => [
      "Showing web servers new credentials",
      { credentials: set.credentials.length },
    ],
    ...{ feed, log },
  });
  credentials.follow();
  return credentials;
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
