import type { HeaderEdits } from "../../model/rules-headers.ts";

export type FieldList = readonly (readonly [string, string])[];

/** Fields after the edits, one edit after the other: removed, then set, then added. Lower-case names. */
export function editFields(fields: FieldList, edits: readonly HeaderEdits[]): FieldList {
  let list = fields;
  for (const { remove = [], set = {}, add = {} } of edits) {
    const gone = new Set([...remove, ...Object.keys(set)]);
    list = [
      ...list.filter(([name]) => !gone.has(name)),
      ...Object.entries(set),
      ...Object.entries(add),
    ];
  }
  return list;
}

/** One field of a request after the edits; several values are joined with commas. */
export function editedField(
  name: string,
  value: string | null,
  edits: readonly HeaderEdits[],
): string | null {
  let now = value;
  for (const { remove, set, add } of edits) {
    if (remove?.includes(name) === true) now = null;
    now = given(set, name) ?? now;
    const more = given(add, name);
    if (more !== undefined) now = now === null ? more : `${now}, ${more}`;
  }
  return now;
}

/** Of its own: an object has more, such as `constructor`, which a client's field may be called. */
function given(fields: Readonly<Record<string, string>> | undefined, name: string) {
  return fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** Names that edits give a value to. */
export function givenNames(edits: readonly HeaderEdits[]): readonly string[] {
  return edits.flatMap(({ set = {}, add = {} }) => [...Object.keys(set), ...Object.keys(add)]);
}
