/**
 * Every address of the application: pattern -> page. No DOM here: the server reads it too, so that
 * an unknown address is a real 404 and a known one survives a reload.
 */
export const ROUTES = {
  home: "/",
  signIn: "/sign-in",
  customers: "/customers",
  nodes: "/nodes",
  nodeWho: "/nodes/:node/who",
  snapshots: "/snapshots",
  draft: "/draft",
  networkCertificates: "/certificates",
  audit: "/audit",
  account: "/account",
  sites: "/customers/:customer/sites",
  siteAdd: "/customers/:customer/add-site",
  site: "/customers/:customer/sites/:hostname",
  siteTab: "/customers/:customer/sites/:hostname/:tab",
  originWho: "/customers/:customer/sites/:hostname/web-servers/:server/who",
  zones: "/customers/:customer/zones",
  zoneAdd: "/customers/:customer/add-zone",
  zone: "/customers/:customer/zones/:zone",
  certificates: "/customers/:customer/certificates",
  credentials: "/customers/:customer/credentials",
  usage: "/customers/:customer/usage",
  invoices: "/customers/:customer/invoices",
  invoice: "/customers/:customer/invoices/:id",
} as const;

export type PageName = keyof typeof ROUTES;

/** The tabs of a site's page, in order; the first is what opens without one named. */
export const SITE_TABS = [
  { value: "web-servers", label: "Web servers" },
  { value: "traffic", label: "Traffic" },
  { value: "steering", label: "Steering" },
  { value: "rules", label: "Rules" },
  { value: "purge", label: "Purge" },
  { value: "logs", label: "Logs" },
  { value: "set-up", label: "Set-up" },
] as const;

export interface Place {
  readonly page: PageName;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * The page at a path, or null. Parameters are percent-decoded; an undecodable one matches nothing.
 *
 * @example placeOf("/customers/acme/sites") // { page: "sites", params: { customer: "acme" } }
 */
export function placeOf(path: string): Place | null {
  const parts = path.split("/").slice(1);
  for (const [page, pattern] of Object.entries(ROUTES) as [PageName, string][]) {
    const params = match(pattern.split("/").slice(1), parts);
    if (params === null) continue;
    if (page === "siteTab" && !SITE_TABS.some((tab) => tab.value === params.tab)) continue;
    return { page, params };
  }
  return null;
}

function match(pattern: readonly string[], parts: readonly string[]) {
  if (pattern.length !== parts.length) return null;
  const params: Record<string, string> = {};
  for (const [i, want] of pattern.entries()) {
    const got = parts[i] ?? "";
    if (!want.startsWith(":")) {
      if (want !== got) return null;
      continue;
    }
    const value = decoded(got);
    if (value === null || value === "") return null;
    params[want.slice(1)] = value;
  }
  return params;
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/**
 * The path of a page.
 *
 * @example pathOf("sites", { customer: "acme" }) // "/customers/acme/sites"
 */
export function pathOf(page: PageName, params: Readonly<Record<string, string>> = {}): string {
  return ROUTES[page].replace(/:([a-z]+)/g, (_, name: string) =>
    encodeURIComponent(params[name] ?? ""),
  );
}
