import type { Network } from "../model/network.ts";
import type { Purge, PurgeAck, PurgePlace } from "../model/purge.ts";
import type { Snapshot } from "../model/snapshot.ts";

/** What lasts of the control plane. Every method that changes something is one transaction. */
export interface Store {
  readonly intents: IntentStore;
  readonly people: PeopleStore;
  readonly purges: PurgeStore;
  readonly audits: AuditStore;
  readonly claims: ClaimStore;
  /** The files it lives in, for people. */
  readonly place: string;
  close(): Promise<void>;
}

/** What is recorded of a change, in the same transaction as the change itself. */
export interface NewAudit {
  readonly atMs: number;
  readonly actor: string;
  /** Whose change it is; null for the network's own. */
  readonly customer: string | null;
  readonly action: string;
  readonly subject: string;
  readonly changes: readonly string[];
}

export interface Audit extends NewAudit {
  readonly seq: number;
  /** SHA-256 of the previous hash and this entry. */
  readonly hash: string;
}

export interface StoredIntent {
  /** 0 when nothing has been applied yet. */
  readonly version: number;
  readonly network: Network | null;
  /** hostname -> CNAME target, of the sites that exist. */
  readonly targets: Readonly<Record<string, string>>;
}

export interface StoredMember {
  readonly email: string;
  readonly customer: string;
  readonly role: "owner" | "editor" | "viewer";
  /** Null: cannot sign in. */
  readonly passwordHash: string | null;
}

export interface NewIntent {
  readonly version: number;
  /** Without passwords. */
  readonly network: Network;
  /** Targets of sites that are new. One given before is taken only for the same site again. */
  readonly targetsAdded: readonly {
    readonly hostname: string;
    readonly customer: string;
    readonly target: string;
  }[];
  /** Host names of sites that go; their targets stay as tombstones. */
  readonly targetsDropped: readonly string[];
  /** Names that customers give up: a delegation to us may outlive them. */
  readonly namesDropped: readonly FormerName[];
  /** All members there are to be. A null hash keeps the one stored. */
  readonly members: readonly StoredMember[];
}

export interface NewSnapshot {
  readonly snapshot: Snapshot;
  /** Why it was made, for people. */
  readonly note: string;
  /** The one before that it takes the place of among those that are kept. */
  readonly replaces?: number;
}

export interface SnapshotHead {
  readonly number: number;
  readonly hash: string;
  readonly intentVersion: number;
  readonly createdAtMs: number;
  readonly note: string;
  /** Whether the intent that it was made from is still there. */
  readonly kept: boolean;
}

export interface NodeAck {
  readonly node: string;
  readonly number: number;
  readonly atMs: number;
}

export interface IntentStore {
  read(): Promise<StoredIntent>;
  /** The network of an earlier version; null when it is no longer kept. */
  readVersion(version: number): Promise<Network | null>;
  /**
   * A new intent, a new snapshot, or both, with the audit entry: all or nothing.
   * @throws Fault `conflict` when the intent is not at version `before`, or the number is not new
   */
  commit(o: {
    readonly before: number;
    readonly intent: NewIntent | null;
    readonly snapshot: NewSnapshot | null;
    readonly audit: NewAudit;
  }): Promise<void>;
  latestSnapshot(): Promise<Snapshot | null>;
  /** The last hundreds of snapshots, newest first, below `before`. */
  listSnapshots(o: {
    readonly before: number | null;
    readonly limit: number;
  }): Promise<readonly SnapshotHead[]>;
  /** The target that a removed site of this customer had last; null if it never had one. */
  formerTarget(customer: string, hostname: string): Promise<string | null>;
  /** Remembers the newest snapshot that a node has. */
  ack(ack: NodeAck): Promise<void>;
  acks(): Promise<readonly NodeAck[]>;
}

export interface StoredSession {
  readonly idHash: string;
  readonly kind: "operator" | "member";
  readonly email: string;
  readonly createdMs: number;
  readonly seenMs: number;
}

export interface StoredToken {
  readonly id: string;
  readonly hash: string;
  readonly name: string;
  readonly scope: "read" | "write" | "purge";
  /** Null: a token of the operator. */
  readonly customer: string | null;
  /** Who made it; it ends with that person's access. */
  readonly owner: string;
  readonly createdMs: number;
  readonly expiresMs: number;
  readonly usedMs: number | null;
}

export interface PeopleStore {
  /** Makes this the only operator account. Their sessions end when the hash is a new one. */
  setOperator(email: string, passwordHash: string): Promise<void>;
  operator(): Promise<{ readonly email: string; readonly passwordHash: string } | null>;
  member(email: string): Promise<StoredMember | null>;
  members(): Promise<readonly StoredMember[]>;
  addSession(session: StoredSession, audit: NewAudit): Promise<void>;
  session(idHash: string): Promise<StoredSession | null>;
  seeSession(idHash: string, seenMs: number): Promise<void>;
  dropSession(idHash: string, audit: NewAudit): Promise<void>;
  /** Forgets sessions made before one time or not seen since another. */
  dropSessions(createdBeforeMs: number, seenBeforeMs: number): Promise<void>;
  addToken(token: StoredToken, audit: NewAudit): Promise<void>;
  tokenByHash(hash: string): Promise<StoredToken | null>;
  listTokens(): Promise<readonly StoredToken[]>;
  seeToken(id: string, usedMs: number): Promise<void>;
  dropToken(id: string, audit: NewAudit): Promise<void>;
}

/** A purge as people read it. Caches are not told who asked. */
export interface AskedPurge extends Purge {
  /** Absent: of before it was kept. */
  readonly actor?: string;
}

export interface PurgeStore {
  /** Appends to the purge log and gives the entry its number. */
  add(purge: Omit<Purge, "number">, audit: NewAudit): Promise<Purge>;
  read(number: number): Promise<Purge | null>;
  /** Those of one site, or of all sites of a customer, that the log still has, newest first, below `before`. */
  list(o: {
    readonly customer: string;
    /** Null: all of the customer's. */
    readonly site: string | null;
    readonly before: number | null;
    readonly limit: number;
  }): Promise<readonly AskedPurge[]>;
  /** The first so many entries above a place, in order, and the log's last number; see `fold`. */
  since(place: PurgePlace, most: number): Promise<PurgesSince>;
  /** Of an entry that is not in the log any more, or is of another term, none is kept. */
  ack(ack: PurgeAck): Promise<void>;
  acks(number: number): Promise<readonly PurgeAck[]>;
  /**
   * Folds the oldest entries but the last `keep`, some at a time: of all those of a site one purge of the
   * whole site is left, in the place of the last of them. `read` and `acks` know them no more. Of the terms
   * that only these had the last 1,000 stay; who has heard nothing since an earlier one has parted from the log.
   */
  fold(keep: number): Promise<void>;
  /**
   * Somebody has come to a place in a log that is lost, and parted from this one. From now on numbers are far
   * above both. What came here after the parting is numbered anew, to be told to everybody once more (`read`
   * and `acks` know it by its old number, too), and entries are added that stand for what is lost. Does nothing
   * where the place is in this log, or such a leap has come after it already.
   *
   * @returns how many were numbered anew; null: it did nothing
   */
  leap(
    place: PurgePlace,
    entries: readonly Omit<Purge, "number">[],
    audit: NewAudit,
  ): Promise<number | null>;
}

export interface PurgesSince {
  readonly latest: number;
  readonly purges: readonly Purge[];
  /** Of the entry at the place. Absent: that is in a log that parted from this one. */
  readonly term?: string;
  /** And this one has not leapt after it: what is to be told to who is there cannot be said. */
  readonly parted?: true;
}

export interface AuditStore {
  /** Records a change that was made elsewhere, such as in the usage ledger's file. */
  add(entry: NewAudit): Promise<void>;
  /** Newest first, below `before`; of one customer, or of all when null. */
  list(o: {
    readonly customer: string | null;
    readonly before: number | null;
    readonly limit: number;
  }): Promise<readonly Audit[]>;
  /** Walks the hash chain. The number of the first entry that does not fit, or null. */
  verify(): Promise<number | null>;
}

/** A zone or site that waits until its customer has shown that they may have its names. */
export interface StoredClaim {
  readonly customer: string;
  /** The zone's name or the site's hostname; unique within the customer. */
  readonly name: string;
  readonly kind: "zone" | "site";
  /** What was put. */
  readonly body: unknown;
  /** Names to be proven; `ns`: also by the parent's NS. */
  readonly names: readonly { readonly name: string; readonly ns: boolean }[];
  readonly token: string;
  readonly createdMs: number;
  readonly checkedMs: number | null;
  /** Why it is not served though it was proven, or why nothing was seen. */
  readonly problem: string | null;
}

type ClaimKey = Pick<StoredClaim, "customer" | "name">;

/** A name that a customer had: all below it (a zone), or one name. */
export interface FormerName {
  readonly name: string;
  readonly customer: string;
  readonly kind: "zone" | "host";
}

export interface ClaimStore {
  formerNames(): Promise<readonly FormerName[]>;
  /** Oldest first. */
  list(): Promise<readonly StoredClaim[]>;
  /** Adds it, or replaces the one of this customer and name. */
  put(claim: StoredClaim, audit: NewAudit): Promise<void>;
  checked(claim: ClaimKey, checkedMs: number, problem: string | null): Promise<void>;
  drop(claim: ClaimKey, audit: NewAudit): Promise<void>;
}
