import { type FormEvent, useState } from "react";
import type { Site } from "../../../model/site.ts";
import type { Ask } from "../api/client.ts";
import { type SiteAsRead, useSaveSite } from "../api/save-site.ts";
import { type FieldPaths, sortProblems } from "./field-problems.ts";
import { meanwhileLine } from "./meanwhile.tsx";
import { mergeTexts } from "./text-merge.ts";
import { useToast } from "./toast.tsx";
import { useTexts } from "./use-texts.ts";

type Texts<F extends string> = Readonly<Record<F, string>>;

/** What others changed while the form was open. */
export interface Conflict {
  readonly there: boolean;
  readonly lines: readonly string[];
}

/**
 * A form of some of a site's settings. It is about the site as it was when the form was opened: what others
 * change meanwhile stays, or is shown where it is the same that was typed.
 */
export function useSiteForm<F extends string>(o: {
  readonly customer: string;
  readonly view: SiteAsRead;
  readonly labels: Readonly<Record<F, string>>;
  readonly paths: FieldPaths<F>;
  readonly textsOf: (site: Site) => Texts<F>;
  readonly bodyOf: (site: Site, texts: Texts<F>) => Ask<"putSite">["body"];
  readonly onClose: () => void;
}) {
  const { labels, textsOf } = o;
  const [base, setBase] = useState(o.view);
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const { texts, setTexts, set, field } = useTexts<F>(textsOf(base.site));
  const saving = useSaveSite(o.customer);
  const toast = useToast();
  const problems = sortProblems(saving.error, o.paths);
  const errors: { readonly [K in F]?: string } = problems.fields;

  function submit(event: FormEvent): void {
    event.preventDefault();
    const was = textsOf(base.site);
    const order = {
      base,
      bodyOf: (site: Site) => o.bodyOf(site, texts),
      isApart: (now: Site) => JSON.stringify(textsOf(now)) === JSON.stringify(was),
    };
    saving.mutate(order, {
      onSuccess(saved) {
        if (saved.kind === "saved") {
          const { snapshot } = saved.changed;
          toast(snapshot === null ? "Nothing changed" : `Changed, in snapshot ${snapshot}`);
          o.onClose();
          return;
        }
        const { now } = saved;
        if (now === null) {
          setConflict({ there: false, lines: [] });
          return;
        }
        const is = textsOf(now.site);
        const { changed } = mergeTexts({ was, yours: texts, is });
        setConflict({ there: true, lines: changed.map((one) => meanwhileLine(one, labels)) });
        setBase(now);
        // Of what is typed by now: people go on while it is being saved.
        setTexts((yours) => mergeTexts({ was, yours, is }).texts);
      },
      onError: () => setConflict(null),
    });
  }

  return {
    ...{ texts, set, submit, conflict },
    busy: saving.isPending,
    rest: problems.rest,
    errors,
    of: (name: F) => ({ label: labels[name], ...field(name, errors[name]) }),
  };
}

/** What a field of such a form is given. */
export type SiteField = ReturnType<ReturnType<typeof useSiteForm<string>>["of"]>;
