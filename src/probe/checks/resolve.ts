import { lookup } from "node:dns/promises";
import { parseAddress } from "../../wire/ip/mod.ts";

/**
 * The address to connect to: an IP literal as it is (brackets off), a name by the system's
 * resolver. Null when it cannot be told in time. Callers vet what they get and connect to just that.
 */
export async function resolveHost(host: string, timeoutMs: number): Promise<string | null> {
  const bare = host.replace(/^\[|\]$/g, "");
  if (parseAddress(bare) !== null) return bare;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), timeoutMs);
  });
  const found = lookup(bare).then(
    ({ address }) => address,
    () => null,
  );
  try {
    return await Promise.race([found, late]);
  } finally {
    clearTimeout(timer);
  }
}
