import { useInfiniteQuery } from "@tanstack/react-query";
import type { AuditEntry, SnapshotRow } from "../../../model/api/mod.ts";
import { type Ask, call } from "./client.ts";

/** Routes that give so many of a list, the newest first, below a number: what each gives. */
interface Rows {
  readonly listAudit: AuditEntry;
  readonly listSnapshots: SnapshotRow;
}

/** Reads a list page by page; all that is shown is asked for again, the less often the more it is. */
export function usePages<N extends keyof Rows>(
  name: N,
  o: {
    /** Rows of a page. */
    readonly size: number;
    readonly refreshMs: number;
    readonly numberOf: (row: Rows[N]) => number;
  },
) {
  return useInfiniteQuery({
    queryKey: [name],
    initialPageParam: undefined as number | undefined,
    queryFn: async ({ pageParam }): Promise<readonly Rows[N][]> => {
      const page = { query: { before: pageParam, limit: o.size } } as Ask<N>;
      return (await call(name, page)) as readonly Rows[N][];
    },
    getNextPageParam(last) {
      const oldest = last.at(-1);
      return oldest === undefined || last.length < o.size ? undefined : o.numberOf(oldest);
    },
    refetchInterval: ({ state }) => o.refreshMs * (state.data?.pages.length ?? 1),
  });
}
