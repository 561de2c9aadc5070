import type { Log, LogLevel } from "../log.ts";

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One JSON object a line on standard error; control bytes in values cannot break a line. */
export function jsonLog(least: LogLevel, fields: Record<string, unknown> = {}): Log {
  const write = (level: LogLevel, words: string, more: Record<string, unknown> = {}) => {
    if (RANK[level] < RANK[least]) return;
    const line = { at: new Date().toISOString(), level, words, ...fields, ...more };
    process.stderr.write(`${JSON.stringify(line, plain)}\n`);
  };
  return {
    debug: (words, more) => write("debug", words, more),
    info: (words, more) => write("info", words, more),
    warn: (words, more) => write("warn", words, more),
    error: (words, more) => write("error", words, more),
    with: (more) => jsonLog(least, { ...fields, ...more }),
  };
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return value;
}
