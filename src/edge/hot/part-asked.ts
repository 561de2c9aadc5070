/** Which part of something large a web server is asked for in place of all of it (threats H12). */
import { partToAsk } from "../../policy/caching/mod.ts";
import type { ObjectMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import type { Held } from "./deliver.ts";
import type { Fetched } from "./fetched.ts";
import { WHOLE_BYTES_MAX } from "./limits.ts";
import { getter } from "./meta.ts";

export type PartAsked = NonNullable<ReturnType<typeof partToAsk>>;

/**
 * What to ask for where a part of a large object is wanted that is held and stale: of one that changed
 * it is a part that comes, and not all of it (H12).
 */
export function partInstead(ask: Ask, stale: Held | null): PartAsked | null {
  const range = ask.request.headers.get("range");
  if (range === null || stale === null || stale.meta.status !== 200) return null;
  return stale.meta.bodyBytes > WHOLE_BYTES_MAX ? partToAsk(range) : null;
}

/** What to ask for where what was held small has become large, and a part of it is wanted; else null. */
export function partOfLarge(ask: Ask, { response }: Fetched): PartAsked | null {
  const range = ask.request.headers.get("range");
  if (range === null || response.status !== 200) return null;
  const isLarge = (response.contentLength ?? 0) > WHOLE_BYTES_MAX;
  return isLarge && getter(response.fields)("accept-ranges") === "bytes" ? partToAsk(range) : null;
}

/** True where only a part of something large is wanted. */
export function wantsPartOf({ bodyBytes }: ObjectMeta, ask: Ask): boolean {
  const range = ask.request.headers.get("range");
  const isLarge = bodyBytes < 0 || bodyBytes > WHOLE_BYTES_MAX;
  return range !== null && isLarge && partToAsk(range) !== null;
}
