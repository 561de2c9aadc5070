import { type UseQueryResult, useQueries } from "@tanstack/react-query";
import type { Live, Session } from "../../../model/api/mod.ts";
import { call } from "./client.ts";
import { REFRESH_MS, useSession } from "./queries.ts";

/** With more sites than this on one page, figures are asked for less often. */
const MANY = 12;
const SLOW_MS = 10_000;

/** The live figures of many sites, in their order. */
export function useLives(customer: string, hostnames: readonly string[]): UseQueryResult<Live>[] {
  return useQueries({
    queries: hostnames.map((hostname) => ({
      queryKey: ["readLive", { params: { customer, hostname } }],
      queryFn: () => call("readLive", { params: { customer, hostname } }),
      refetchInterval: hostnames.length > MANY ? SLOW_MS : REFRESH_MS,
    })),
  });
}

/** Whether the one signed in may change a customer's things; the API has the last word. */
export function useMayEdit(): boolean {
  const session: Session | null | undefined = useSession().data;
  return session?.kind === "operator" || (session?.role ?? "viewer") !== "viewer";
}

export function useIsOperator(): boolean {
  return useSession().data?.kind === "operator";
}
