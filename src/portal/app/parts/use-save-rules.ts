import { useState } from "react";
import type { Rule } from "../../../model/rules.ts";
import type { Site } from "../../../model/site.ts";
import type { Ask } from "../api/client.ts";
import { type SiteAsRead, useSaveSite } from "../api/save-site.ts";
import { isApartFrom, type RuleEdit, withEdit } from "./rule-edit.ts";
import { useToast } from "./toast.tsx";

/** What others made of the same rules; nothing was saved. */
export interface RulesConflict {
  /** The site by now; null: it is gone. */
  readonly now: SiteAsRead | null;
  /** What they changed, and who, as the API knows it. */
  readonly words: readonly string[];
}

export interface SavingRules {
  readonly busy: boolean;
  readonly error: Error | null;
  readonly conflict: RulesConflict | null;
  /** @param base the site as whoever edits has seen it */
  readonly save: (base: SiteAsRead, edit: RuleEdit, end: SaveEnd) => void;
  readonly reset: () => void;
}

interface SaveEnd {
  readonly done: () => void;
  readonly conflict?: (conflict: RulesConflict) => void;
}

/** Makes an edit of a site's rules, says how that went, and undoes nothing of what others made of them. */
export function useSaveRules(customer: string): SavingRules {
  const saving = useSaveSite(customer);
  const toast = useToast();
  const [conflict, setConflict] = useState<RulesConflict | null>(null);
  return {
    busy: saving.isPending,
    error: saving.error,
    conflict,
    reset() {
      saving.reset();
      setConflict(null);
    },
    save(base, edit, end) {
      const was = rulesOf(base.site);
      const order = {
        base,
        bodyOf: (site: Site) => bodyOf(site, withEdit(rulesOf(site), edit)),
        isApart: (now: Site) => isApartFrom(edit, was, rulesOf(now)),
      };
      saving.mutate(order, {
        onSuccess(saved) {
          setConflict(saved.kind === "conflict" ? saved : null);
          if (saved.kind === "conflict") {
            end.conflict?.(saved);
            return;
          }
          const { snapshot } = saved.changed;
          toast(snapshot === null ? "Nothing changed" : `Published as snapshot ${snapshot}`);
          end.done();
        },
        onError: () => setConflict(null),
      });
    },
  };
}

export function rulesOf(site: Site): readonly Rule[] {
  return site.rules ?? [];
}

/** The site with these rules; web servers are left out, so they stay. */
function bodyOf(site: Site, rules: readonly unknown[]): Ask<"putSite">["body"] {
  const { hostname: _, origins: __, ...kept } = site;
  return { ...kept, rules } as Ask<"putSite">["body"];
}
