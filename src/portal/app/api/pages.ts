import { useInfiniteQuery } from "@tanstack/react-query";
import type { AuditEntry, PurgeView, SnapshotRow } from "../../../model/api/mod.ts";
import { type Ask, call } from "./client.ts";

/** Routes that give so many of a list, the newest first, below a number: what each gives. */
interface Rows {
  readonly listAudit: AuditEntry;
  readonly listPurges: PurgeView;
  readonly listSnapshots: SnapshotRow;
}

/** Reads a list page by page; all that is shown is asked for again, the less often the more it is. */
export function usePages<N extends keyof Rows>(
  name: N,
  params: Readonly<Record<string, string>> | undefined,
  o: {
    /** Rows of a page. */
    readonly size: number;
    /** Of one page; by what the first has, where that is a function. */
    readonly refreshMs: number | ((newest: readonly Rows[N][]) => number);
    readonly numberOf: (row: Rows[N]) => number;
  },
) {
  return useInfiniteQuery({
    queryKey: [name, params],
    initialPageParam: undefined as number | undefined,
    queryFn: async ({ pageParam }): Promise<readonly Rows[N][]> => {
      const ask = { params, query: { before: pageParam, limit: o.size } };
      return (await call(name, ask as unknown as Ask<N>)) as readonly Rows[N][];
    },
    getNextPageParam(last) {
      const oldest = last.at(-1);
      return oldest === undefined || last.length < o.size ? undefined : o.numberOf(oldest);
    },
    refetchInterval({ state }) {
      const pages = state.data?.pages ?? [[]];
      const ofOne = typeof o.refreshMs === "number" ? o.refreshMs : o.refreshMs(pages[0] ?? []);
      return ofOne * pages.length;
    },
  });
}
