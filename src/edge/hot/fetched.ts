import type { TierTold } from "../../wire/http/mod.ts";
import type { Fields } from "../cache/mod.ts";
import type { OriginResponse } from "./origin.ts";

/** What came of a fetch. */
export interface Fetched {
  readonly response: OriginResponse;
  readonly requestedMs: number;
  readonly receivedMs: number;
  /** The last purge that was applied when the request went out. */
  readonly purge: number;
  /** How many times cache groups had been ended then. */
  readonly groupEnds: number;
  /** The id of the origin, or of the parent, that answered. */
  readonly origin: string;
  /** It says that there is nothing, and another server could not be asked: not to be kept. */
  readonly unsure?: true;
  /** What a parent said beside it; absent: it is from an origin. */
  readonly tier?: TierTold;
}

/** What was held is no more: it does not come back when no server can be reached. */
const GONE: ReadonlySet<number> = new Set([404, 410]);

/** Does it say that what was held before is no more? */
export function replaces({ response: { status }, unsure }: Fetched): boolean {
  return status < 400 || (GONE.has(status) && unsure !== true);
}

/** What one fetch sends beside the request's own fields. */
export interface Sending {
  /** Validators of what is held, in place of the client's conditions. */
  readonly conditions: Fields;
  /** True for a fetch whose answer may be shared: conditions and ranges of the client stay here. */
  readonly shared: boolean;
  /** A fetch that is for this request alone may be answered by what a parent holds. */
  readonly above?: true;
  /** A parent's answer broke off: its web servers are asked. */
  readonly direct?: true;
  readonly cdnId: string;
  /** The id of an origin to be asked first, if it is a choice. */
  readonly prefer?: string;
}
