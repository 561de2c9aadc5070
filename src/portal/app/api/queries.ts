import {
  QueryCache,
  QueryClient,
  type UseQueryResult,
  useMutation,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import type { Session } from "../../../model/api/mod.ts";
import { ApiFault, type Ask, type CallName, call, type Reply } from "./client.ts";

/** How often a page that is looked at asks again. */
export const REFRESH_MS = 2000;

const SESSION_KEY = ["whoAmI"] as const;

/** One client for the page's life. A 401 anywhere ends the session here too: sign-in appears. */
export function makeQueryClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    queryCache: new QueryCache({
      onError(error) {
        if (error instanceof ApiFault && error.status === 401) {
          client.setQueryData(SESSION_KEY, null);
        }
      },
    }),
    defaultOptions: {
      queries: {
        retry: (count, error) => isPassing(error) && count < 2,
        refetchOnWindowFocus: true,
        staleTime: 1000,
      },
      mutations: { retry: false },
    },
  });
  return client;
}

function isPassing(error: unknown): boolean {
  return error instanceof ApiFault && (error.status === 0 || error.status >= 500);
}

/** Who is signed in; null when nobody is. */
export function useSession(): UseQueryResult<Session | null> {
  return useQuery({
    queryKey: SESSION_KEY,
    queryFn: async (): Promise<Session | null> => {
      try {
        return await call("whoAmI", {});
      } catch (error) {
        if (error instanceof ApiFault && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: 60_000,
  });
}

/** Replaces who is signed in, and forgets what the one before had seen. */
export function useSetSession(): (session: Session | null) => void {
  const client = useQueryClient();
  return (session) => {
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== SESSION_KEY[0] });
    client.setQueryData(SESSION_KEY, session);
  };
}

/** Reads a route, again each `refreshMs` while the page is looked at (default: two seconds). */
export function useRead<N extends CallName>(
  name: N,
  ask: Ask<N>,
  options: { refreshMs?: number | false; enabled?: boolean } = {},
): UseQueryResult<Reply<N>> {
  return useQuery({
    queryKey: [name, ask],
    queryFn: () => call(name, ask),
    refetchInterval: options.refreshMs ?? REFRESH_MS,
    enabled: options.enabled ?? true,
  });
}

/** Calls a route that changes something, then reads anew everything that pages show. */
export function useChange<N extends CallName>(name: N) {
  return useAct<Ask<N>, Reply<N>>((ask) => call(name, ask));
}

/** The same of what takes more than one call. */
export function useAct<O, T>(act: (order: O) => Promise<T>) {
  const client = useQueryClient();
  return useMutation<T, Error, O>({
    mutationFn: (order) => act(order),
    onSuccess: () =>
      client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== SESSION_KEY[0] }),
    onError(error) {
      if (error instanceof ApiFault && error.status === 401) {
        client.setQueryData(SESSION_KEY, null);
      }
    },
  });
}
