/** What can be chosen of what is stored; a name in use that is stored no more stays, and says so. */
export function storedChoices(names: readonly string[], chosen: string, none = "None") {
  const missing = chosen !== "" && !names.includes(chosen);
  return [
    { value: "", label: none },
    ...names.map((name) => ({ value: name, label: name })),
    ...(missing ? [{ value: chosen, label: `${chosen} (not stored)` }] : []),
  ];
}
