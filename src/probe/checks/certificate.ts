import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";

const DAY_MS = 86_400_000;

/** Whole days until the certificate that a server has shown ends; null when it cannot be told. */
export function certificateDays(socket: Socket, nowMs: number): number | null {
  try {
    const shown = (socket as TLSSocket).getPeerCertificate?.();
    const endMs = Date.parse(shown?.valid_to ?? "");
    return Number.isFinite(endMs) ? Math.floor((endMs - nowMs) / DAY_MS) : null;
  } catch {
    return null;
  }
}
