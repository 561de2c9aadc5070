import type { ErrorPage } from "../../model/rules.ts";
import { inStatuses } from "./ttl.ts";

/** The page for this status, if a rule has one. */
export function errorPageFor(pages: readonly ErrorPage[], status: number): ErrorPage | null {
  return pages.find((page) => inStatuses(page.status, status)) ?? null;
}

/**
 * An inline page with what it says of the answer filled in, escaped: nothing of a request can become
 * an element or an attribute.
 *
 * @example fillPage("<h1>{status}</h1>", { status: 503, words: "", host: "" }) // "<h1>503</h1>"
 */
export function fillPage(
  html: string,
  of: { readonly status: number; readonly words: string; readonly host: string },
): string {
  const texts: Readonly<Record<string, string>> = { ...of, status: String(of.status) };
  return html.replace(/\{(status|words|host)\}/g, (_, name: string) =>
    escapeHtml(texts[name] ?? ""),
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"'`=]/g, (one) => `&#${one.charCodeAt(0)};`);
}
