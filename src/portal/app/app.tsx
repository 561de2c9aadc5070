import { MantineProvider, Text } from "@mantine/core";
import { QueryClientProvider } from "@tanstack/react-query";
import { type ComponentType, lazy, Suspense, useEffect } from "react";
import type { Session } from "../../model/api/mod.ts";
import { makeQueryClient, useSession } from "./api/queries.ts";
import { nonce } from "./nonce.ts";
import { NotFoundPage } from "./pages/not-found.tsx";
import { SignInPage } from "./pages/sign-in.tsx";
import { Page } from "./parts/page.tsx";
import { Shell } from "./parts/shell.tsx";
import { Bars, Failed } from "./parts/states.tsx";
import { ToastProvider } from "./parts/toast.tsx";
import { go, usePath, usePlace } from "./router.tsx";
import { type PageName, pathOf } from "./routes.ts";
import { cssVariables, theme } from "./theme.ts";

/** What every page gets: the parameters of its address. */
export interface PageProps {
  readonly params: Readonly<Record<string, string>>;
}

type Pages = Omit<Record<PageName, ComponentType<PageProps>>, "home" | "signIn">;

/** Each page is a file of its own, fetched when somebody goes there. */
const SITE = lazy(async () => ({ default: (await import("./pages/site.tsx")).SitePage }));
const WHO = lazy(async () => ({ default: (await import("./pages/who.tsx")).WhoPage }));
const PAGES: Pages = {
  customers: lazy(async () => ({ default: (await import("./pages/customers.tsx")).CustomersPage })),
  nodes: lazy(async () => ({ default: (await import("./pages/nodes.tsx")).NodesPage })),
  nodeWho: WHO,
  snapshots: lazy(async () => ({ default: (await import("./pages/snapshots.tsx")).SnapshotsPage })),
  networkCertificates: lazy(async () => ({
    default: (await import("./pages/network-certificates.tsx")).NetworkCertificatesPage,
  })),
  draft: lazy(async () => ({ default: (await import("./pages/draft.tsx")).DraftPage })),
  audit: lazy(async () => ({ default: (await import("./pages/audit.tsx")).AuditPage })),
  account: lazy(async () => ({ default: (await import("./pages/account.tsx")).AccountPage })),
  sites: lazy(async () => ({ default: (await import("./pages/sites.tsx")).SitesPage })),
  siteAdd: lazy(async () => ({ default: (await import("./pages/site-add.tsx")).SiteAddPage })),
  site: SITE,
  siteTab: SITE,
  originWho: WHO,
  zones: lazy(async () => ({ default: (await import("./pages/zones.tsx")).ZonesPage })),
  zoneAdd: lazy(async () => ({ default: (await import("./pages/zone-add.tsx")).ZoneAddPage })),
  zone: lazy(async () => ({ default: (await import("./pages/zone.tsx")).ZonePage })),
  certificates: lazy(async () => ({
    default: (await import("./pages/certificates.tsx")).CertificatesPage,
  })),
  credentials: lazy(async () => ({
    default: (await import("./pages/credentials.tsx")).CredentialsPage,
  })),
  usage: lazy(async () => ({ default: (await import("./pages/usage.tsx")).UsagePage })),
  invoices: lazy(async () => ({ default: (await import("./pages/invoices.tsx")).InvoicesPage })),
  invoice: lazy(async () => ({ default: (await import("./pages/invoice.tsx")).InvoicePage })),
};

const queryClient = makeQueryClient();

export function App() {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariables}
      defaultColorScheme="auto"
      getStyleNonce={nonce}
    >
      <QueryClientProvider client={queryClient}>
        <ToastProvider>
          <Door />
        </ToastProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}

/** Sign-in for whoever is not signed in, at whatever address; the address is kept for after it. */
function Door() {
  const session = useSession();
  if (session.data === undefined) {
    if (session.isError) {
      return (
        <main className="tp-alone">
          <Failed error={session.error} retry={() => void session.refetch()} alone />
        </main>
      );
    }
    return <Text p="xl">Loading…</Text>;
  }
  if (session.data === null) return <SignInPage />;
  return <Inside session={session.data} />;
}

function homeOf(session: Session): string {
  if (session.kind === "operator" || session.customer === null) return pathOf("customers");
  return pathOf("sites", { customer: session.customer });
}

function Inside(props: { session: Session }) {
  const place = usePlace();
  const path = usePath();
  const home = homeOf(props.session);
  const goHome = place?.page === "home" || place?.page === "signIn";
  useEffect(() => {
    if (goHome) go(home, { replace: true });
  }, [goHome, home]);
  return (
    <Shell session={props.session} place={place}>
      <Suspense fallback={<Waiting />}>
        {goHome ? <Waiting /> : <Content key={keyOf(path)} />}
      </Suspense>
    </Shell>
  );
}

/** Tabs of one site are one page: going between them keeps it. */
function keyOf(path: string): string {
  return path.split("/").slice(0, 5).join("/");
}

function Content() {
  const place = usePlace();
  if (place === null || place.page === "home" || place.page === "signIn") return <NotFoundPage />;
  const Found = PAGES[place.page];
  return <Found params={place.params} />;
}

function Waiting() {
  return (
    <Page title="Loading">
      <Bars heights={[120, 120]} />
    </Page>
  );
}
