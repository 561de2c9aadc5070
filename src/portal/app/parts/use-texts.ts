import { type ChangeEvent, useState } from "react";

/** The texts of a form's fields as typed, and what each field needs to show and change its own. */
export function useTexts<F extends string>(first: Readonly<Record<F, string>>) {
  const [texts, setTexts] = useState(first);
  function set(name: F, text: string): void {
    setTexts((before) => ({ ...before, [name]: text }));
  }
  function field(name: F, error: string | undefined) {
    return {
      value: texts[name],
      onChange: (event: ChangeEvent<HTMLInputElement | HTMLSelectElement>) =>
        set(name, event.currentTarget.value),
      error,
      autoComplete: "off",
      spellCheck: false,
    };
  }
  return { texts, setTexts, set, field };
}

/** A number as people type it: a comma is a point, nothing is no number. */
export function numberIn(text: string): number {
  return text.trim() === "" ? Number.NaN : Number(text.replace(",", "."));
}
