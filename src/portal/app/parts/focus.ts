import { type RefObject, useCallback, useEffect, useRef, useState } from "react";

/** After the focus has been given back by whatever closed, such as a dialog. */
const AFTER_MS = 50;
const FIELDS = ["input", "select", "textarea"].map((tag) => `${tag}:not(:disabled)`).join();

/** What opened something: what had the focus, or the button of the menu that it stood in. */
function openerNow(): Element | null {
  const active = document.activeElement;
  const button = active?.closest('[role="menu"]')?.getAttribute("aria-labelledby");
  return button == null ? active : document.getElementById(button);
}

/** Where the focus has nowhere to be: back to what opened, or to the page's heading if that is gone. */
function giveBack(opener: Element | null): void {
  const { activeElement, body } = document;
  if (activeElement !== null && activeElement !== body) return;
  const back = opener === body ? null : againOf(opener);
  const to = back ?? document.querySelector(".tp-h1");
  if (to instanceof HTMLElement) to.focus({ preventScroll: back === null });
}

/** The element, or the button of the same words that was made in its place. */
function againOf(opener: Element | null): Element | null {
  if (opener === null || opener.isConnected) return opener;
  const words = opener.textContent;
  const buttons = [...document.querySelectorAll("main button")];
  return buttons.find((button) => words !== "" && button.textContent === words) ?? null;
}

/** Gives the focus back once what is `open` has closed: call the result when it is gone. */
export function useFocusBack(open: boolean): () => void {
  const seen = useRef<{ open: boolean; opener: Element | null }>({ open: false, opener: null });
  if (open !== seen.current.open) {
    seen.current = { open, opener: open ? openerNow() : seen.current.opener };
  }
  const back = useCallback(() => {
    window.setTimeout(() => giveBack(seen.current.opener), AFTER_MS);
  }, []);
  // A question about a row goes with its row.
  useEffect(() => () => (seen.current.open ? back() : undefined), [back]);
  return back;
}

/** The same for what is there only while it is open. */
export function useFocusBackAtEnd(): void {
  const [opener] = useState(openerNow);
  useEffect(() => () => giveBack(opener), [opener]);
}

/**
 * Once a form was sent, the keyboard goes to its first field with a fault, or back to the button that
 * sent it, which takes no keyboard while that is under way. `ref` stands in the form.
 */
export function useSentFocus(ref: RefObject<HTMLElement | null>, busy: boolean): void {
  const sent = useRef(false);
  const was = useRef(busy);
  useEffect(() => {
    const form = formAt(ref.current);
    const mark = () => {
      sent.current = true;
    };
    form?.addEventListener("submit", mark);
    return () => form?.removeEventListener("submit", mark);
  }, [ref]);
  // After each render: what was found to be wrong is marked by then.
  useEffect(() => {
    const isNews = !busy && (sent.current || was.current);
    sent.current = false;
    was.current = busy;
    if (!isNews) return;
    const form = formAt(ref.current);
    const faulty = form?.querySelector<HTMLElement>('[aria-invalid="true"]');
    if (faulty != null) faulty.focus();
    else if (document.activeElement === document.body) {
      form?.querySelector<HTMLElement>('[type="submit"]')?.focus({ preventScroll: true });
    }
  });
}

/** A form that opens takes the keyboard, unless a field of it did so already. */
export function useFirstField(ref: RefObject<HTMLElement | null>): void {
  useEffect(() => {
    const form = formAt(ref.current);
    if (form?.contains(document.activeElement) === true) return;
    form?.querySelector<HTMLElement>(FIELDS)?.focus();
  }, [ref]);
}

function formAt(element: HTMLElement | null): HTMLElement | null {
  return element?.closest("form") ?? element?.parentElement ?? null;
}
