import type { Origin } from "../../model/origin.ts";

/**
 * A web server where it is to be found: by addresses, or by a name in place of them. What is not said
 * stays as it was.
 */
export function foundAt<T extends Partial<Origin>>(
  had: T,
  { v4, v6, host }: { readonly v4?: string; readonly v6?: string; readonly host?: string },
) {
  const byAddress = v4 !== undefined || v6 !== undefined;
  return {
    ...had,
    v4: host === undefined ? (v4 ?? had.v4) : v4,
    v6: host === undefined ? (v6 ?? had.v6) : v6,
    host: byAddress ? host : (host ?? had.host),
  };
}
