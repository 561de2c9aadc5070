import { createSecureContext } from "node:tls";
import type { Log } from "../base/log.ts";
import type { Tls } from "./listen.ts";

/** A certificate for one host name; `id` changes when anything of it does. */
export interface NamedTls extends Tls {
  readonly id: string;
  readonly serverName: string;
}

/** Changes when anything of them does. */
export function digestOf(named: readonly NamedTls[]): string {
  return named.map(({ serverName, id }) => `${serverName} ${id}`).join("\n");
}

/**
 * Opens listeners with all certificates; where they are refused, with those that are not. Only then each is
 * tried by itself: that takes the loop as long as an opening.
 *
 * @throws what `open` throws with those that the runtime takes
 */
export function openBest<T>(
  named: readonly NamedTls[],
  open: (named: readonly NamedTls[]) => T,
  log: Log,
): T {
  try {
    return open(named);
  } catch (cause) {
    const good = named.filter(isUsable);
    if (good.length === named.length) throw cause;
    const names = named.filter((one) => !good.includes(one)).map((one) => one.serverName);
    log.error("Certificates that cannot be shown are left out", { names });
    return open(good);
  }
}

/** Whether the runtime takes it. */
function isUsable({ cert, key }: NamedTls): boolean {
  try {
    createSecureContext({ cert, key });
    return true;
  } catch {
    return false;
  }
}
