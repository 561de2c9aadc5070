import { Fault } from "./fault.ts";
import type { FaultCode } from "./fault-codes.ts";

const CODES: Readonly<Record<string, FaultCode>> = {
  EADDRINUSE: "port-in-use",
  EADDRNOTAVAIL: "address-unavailable",
  EACCES: "port-forbidden",
  EPERM: "port-forbidden",
};

/**
 * What the system said when asked to listen at `where`, as a Fault with that place in its words;
 * anything else, such as a certificate that cannot be read, as it came.
 *
 * @example throw listenFault(error, "127.0.0.1:8080 (http)");
 */
export function listenFault(error: unknown, where: string): unknown {
  const said = (error as { code?: unknown } | null)?.code;
  const code = typeof said === "string" ? CODES[said] : undefined;
  return code === undefined ? error : new Fault(code, where, { cause: error });
}
