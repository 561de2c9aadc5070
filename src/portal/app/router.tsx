import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from "react";
import { type Place, placeOf } from "./routes.ts";

const listeners = new Set<() => void>();
let moved = false;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

/** True once somebody has gone from one page to another: from then on, headings take the focus. */
export function hasMoved(): boolean {
  return moved;
}

/** Goes to a path of this application. `replace` leaves no step in the history. */
export function go(path: string, options: { replace?: boolean } = {}): void {
  if (path !== window.location.pathname + window.location.search) {
    window.history[options.replace === true ? "replaceState" : "pushState"](null, "", path);
    if (options.replace !== true) window.scrollTo(0, 0);
  }
  moved = true;
  for (const listener of listeners) listener();
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => window.location.pathname);
}

/** Where we are; null where no page is. */
export function usePlace(): Place | null {
  return placeOf(usePath());
}

/** A link within the application: a real address, followed without loading the page anew. */
export function Link(props: AnchorHTMLAttributes<HTMLAnchorElement> & { href: string }) {
  function follow(event: MouseEvent<HTMLAnchorElement>): void {
    props.onClick?.(event);
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (event.defaultPrevented || !plain || event.altKey) return;
    event.preventDefault();
    go(props.href);
  }
  const { href, ...rest } = props;
  return <a {...rest} href={href} onClick={follow} />;
}
