import { dlopen, type FFIFunction } from "bun:ffi";

/** Functions of the system's C library. Null where it is another one, or none can be called. */
export function openLibc<Fns extends Record<string, FFIFunction>>(symbols: Fns) {
  if (process.platform !== "linux" || (process.arch !== "x64" && process.arch !== "arm64")) {
    return null;
  }
  try {
    return dlopen("libc.so.6", symbols).symbols;
  } catch {
    return null;
  }
}
