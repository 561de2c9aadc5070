export type LogLevel = "debug" | "info" | "warn" | "error";

/** `error`: not served right. `warn`: served by recovery. `info`: start, stop, new snapshot. */
export interface Log {
  debug(words: string, fields?: Record<string, unknown>): void;
  info(words: string, fields?: Record<string, unknown>): void;
  warn(words: string, fields?: Record<string, unknown>): void;
  error(words: string, fields?: Record<string, unknown>): void;
  /** A log whose every line carries these fields too. */
  with(fields: Record<string, unknown>): Log;
}

/** A log that says nothing, for tests. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  with: () => silentLog,
};
