import type { Changed, SiteView } from "../../../model/api/mod.ts";
import type { Site } from "../../../model/site.ts";
import { ApiFault, type Ask, call } from "./client.ts";
import { useAct } from "./queries.ts";

/** A site as a form was opened on it: its entity tag says which state of it that was. */
export type SiteAsRead = Pick<SiteView, "site" | "etag">;

export interface SiteOrder {
  readonly base: SiteAsRead;
  /** The whole of what is put: what the form says, upon the rest of a site. */
  readonly bodyOf: (site: Site) => Ask<"putSite">["body"];
  /** Whether what others made of it meanwhile leaves alone all that the form says. */
  readonly isApart: (now: Site) => boolean;
}

export type SiteSaved =
  | { readonly kind: "saved"; readonly changed: Changed }
  /** Nothing was saved: others changed the same. Null: they removed the site. */
  | {
      readonly kind: "conflict";
      readonly now: SiteAsRead | null;
      readonly words: readonly string[];
    };

/** Others may be quick; whoever is met by a third of their changes is asked. */
const TRIES = 3;

/**
 * Puts what a form says of a site, and undoes nothing that others made of it since the form was opened: what
 * they changed beside it stays, and where they changed the same nothing is put.
 */
export function useSaveSite(customer: string) {
  return useAct((order: SiteOrder) => saveSite(customer, order));
}

async function saveSite(customer: string, order: SiteOrder): Promise<SiteSaved> {
  const params = { customer, hostname: order.base.site.hostname };
  let { site, etag } = order.base;
  for (let tries = 1; ; tries++) {
    try {
      const ask = { params, body: order.bodyOf(site), ifMatch: etag };
      return { kind: "saved", changed: await call("putSite", ask) };
    } catch (error) {
      if (!(error instanceof ApiFault) || error.status !== 412) throw error;
      const now = await siteNow(params);
      const words = error.problems.map(({ path, message }) => `${path}: ${message}`);
      if (now === null || tries >= TRIES || !order.isApart(now.site)) {
        return { kind: "conflict", now, words };
      }
      ({ site, etag } = now);
    }
  }
}

async function siteNow(params: Ask<"readSite">["params"]): Promise<SiteAsRead | null> {
  try {
    return await call("readSite", { params });
  } catch (error) {
    if (error instanceof ApiFault && error.status === 404) return null;
    throw error;
  }
}
