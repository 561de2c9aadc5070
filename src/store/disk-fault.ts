import { Fault } from "../base/fault.ts";

/** Codes of the file system that mean there is no room (or no leave) to write more. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

/** A full disk as the Fault `store-full`; anything else as it came. */
export function diskFault(error: unknown, act: string): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" && FULL.has(code)
    ? new Fault("store-full", act, { cause: error })
    : error;
}
