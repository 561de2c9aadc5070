import {
  Button,
  Checkbox,
  Group,
  NativeSelect,
  Paper,
  SimpleGrid,
  Stack,
  Text,
  Textarea,
  TextInput,
  Title,
} from "@mantine/core";
import { type FormEvent, type ReactNode, useState } from "react";
import { sortProblems } from "./field-problems.ts";
import { FormEnds } from "./form-ends.tsx";
import {
  type Draft,
  fieldKey,
  newRow,
  ownProblems,
  pathOfField,
  ruleOf,
  type Texts,
} from "./rule-draft.ts";
import { type Field, PART_NAMES, PARTS, type PartName } from "./rule-fields.ts";
import { FormAlert } from "./states.tsx";

type Errors = Readonly<Record<string, string | undefined>>;

/** One rule of a site, by fields. */
export function RuleForm(props: {
  title: string;
  first: Draft;
  /** Its place among the site's rules, by which the API names it. */
  index: number;
  /** Names that other rules have. */
  taken: readonly string[];
  /** What is to be seen before anything else of it. */
  above: ReactNode;
  busy: boolean;
  error: Error | null;
  onSave: (rule: Record<string, unknown>) => void;
  onClose: () => void;
}) {
  const [draft, setDraft] = useState(props.first);
  const [own, setOwn] = useState<Errors>({});
  const problems = sortProblems(props.error, pathsOf(draft, props.index));
  const errors: Errors = { ...problems.fields, ...own };
  const [idle, setIdle] = useState(false);

  function submit(event: FormEvent): void {
    event.preventDefault();
    const found = { ...ownProblems(draft), ...nameProblem(draft.name.trim(), props.taken) };
    const doesNothing = Object.keys(draft.parts).length < 2;
    setOwn(found);
    setIdle(doesNothing);
    if (Object.keys(found).length === 0 && !doesNothing) props.onSave(ruleOf(draft));
  }
  function setRows(part: PartName, rows: readonly Texts[] | undefined): void {
    const { [part]: _, ...others } = draft.parts;
    setDraft({ ...draft, parts: rows === undefined ? others : { ...others, [part]: rows } });
  }

  return (
    <Paper className="tp-card" p="lg" component="form" onSubmit={submit} noValidate>
      <Stack gap="lg">
        <Title order={2}>{props.title}</Title>
        {props.above}
        <FormAlert words={idle ? ["Choose at least one thing to do"] : problems.rest} />
        <TextInput
          label="Name"
          description="Small letters, digits and hyphens. Answers of the rule's own name it"
          placeholder="assets"
          maw={420}
          value={draft.name}
          onChange={(e) => setDraft({ ...draft, name: e.currentTarget.value })}
          error={errors.name}
          autoComplete="off"
          spellCheck={false}
        />
        {PART_NAMES.map((part) => (
          <PartFields
            key={part}
            part={part}
            rows={draft.parts[part]}
            errors={errors}
            onChange={(rows) => setRows(part, rows)}
          />
        ))}
        <FormEnds
          verb="Save rule"
          busy={props.busy}
          onClose={props.onClose}
          note="Published at once."
        />
      </Stack>
    </Paper>
  );
}

function nameProblem(name: string, taken: readonly string[]): { readonly name?: string } {
  if (name === "") return { name: "Give it a name, such as assets" };
  return taken.includes(name) ? { name: "There is a rule of this name already" } : {};
}

/** Where the API may find fault with what the form holds. */
function pathsOf({ parts }: Draft, index: number): Readonly<Record<string, readonly string[]>> {
  const at = `rules.${index}`;
  const paths: Record<string, readonly string[]> = { name: [`${at}.name`] };
  for (const part of PART_NAMES) {
    for (const row of (parts[part] ?? []).keys()) {
      const { fields, more } = PARTS[part];
      for (const [i, { name }] of fields.entries()) {
        // What is wrong with the whole of it stands at a field that would put it right.
        const whole =
          i === (more === undefined ? 0 : 1) ? [`${at}.${pathOfField(part, row, "mode")}`] : [];
        paths[fieldKey(part, row, name)] = [`${at}.${pathOfField(part, row, name)}`, ...whole];
      }
    }
  }
  return paths;
}

function PartFields(props: {
  part: PartName;
  rows: readonly Texts[] | undefined;
  errors: Errors;
  onChange: (rows: readonly Texts[] | undefined) => void;
}) {
  const { part, rows, onChange } = props;
  const { label, words, more } = PARTS[part];
  const change = (i: number, texts: Texts) =>
    onChange(rows?.map((row, at) => (at === i ? texts : row)));
  return (
    <fieldset className="tp-part" aria-label={label}>
      {part === "match" ? (
        <>
          <Title order={3}>{label}</Title>
          <Text size="sm" c="dimmed">
            {words}
          </Text>
        </>
      ) : (
        <Checkbox
          label={label}
          description={words}
          checked={rows !== undefined}
          onChange={(e) => onChange(e.currentTarget.checked ? [newRow(part)] : undefined)}
        />
      )}
      {rows !== undefined && (
        <Stack className="tp-inset" gap="md">
          {rows.map((texts, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows have no other identity
            <Stack key={i} gap="xs">
              <RowFields
                {...{ part, texts, row: i, errors: props.errors }}
                onChange={(next) => change(i, next)}
              />
              {rows.length > 1 && (
                <Group>
                  <Button
                    variant="default"
                    size="compact-sm"
                    onClick={() => onChange(rows.filter((_, at) => at !== i))}
                  >
                    Remove row {i + 1}
                  </Button>
                </Group>
              )}
            </Stack>
          ))}
          {more !== undefined && (
            <Group>
              <Button
                variant="default"
                size="compact-sm"
                onClick={() => onChange([...rows, newRow(part)])}
              >
                {more}
              </Button>
            </Group>
          )}
        </Stack>
      )}
    </fieldset>
  );
}

function RowFields(props: {
  part: PartName;
  row: number;
  texts: Texts;
  errors: Errors;
  onChange: (texts: Texts) => void;
}) {
  const { part, row, texts } = props;
  const fields = PARTS[part].fields.filter((field) => isOfUse(field, texts));
  return (
    <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
      {fields.map((field) => (
        <FieldInput
          key={field.name}
          field={field}
          value={texts[field.name] ?? ""}
          error={props.errors[fieldKey(part, row, field.name)]}
          onChange={(text) => props.onChange({ ...texts, [field.name]: text })}
        />
      ))}
    </SimpleGrid>
  );
}

/** What a choice beside it leaves without meaning is not shown. */
function isOfUse({ name }: Field, texts: Texts): boolean {
  if (name === "mode") return true;
  if (name === "parameters") return texts.query === "only" || texts.query === "except";
  if (name === "cookieNames") return texts.cookies === "only";
  return texts.mode === undefined || !["free", "no", "yes"].includes(texts.mode);
}

function FieldInput(props: {
  field: Field;
  value: string;
  error: string | undefined;
  onChange: (text: string) => void;
}) {
  const { field, value, error, onChange } = props;
  const about = { label: field.label, description: field.words, error };
  const typed = { ...about, value, placeholder: field.example, spellCheck: false };
  if (field.kind === "flag") {
    return (
      <Checkbox
        {...about}
        className="tp-beside"
        checked={value !== ""}
        onChange={(e) => onChange(e.currentTarget.checked ? "yes" : "")}
      />
    );
  }
  if (field.kind === "choice") {
    return (
      <NativeSelect
        {...about}
        value={value}
        data={(field.choices ?? []).map(([is, label]) => ({ value: is, label }))}
        onChange={(e) => onChange(e.currentTarget.value)}
      />
    );
  }
  if (field.kind === "lines") {
    return (
      <Textarea
        {...typed}
        autosize
        minRows={2}
        maxRows={12}
        classNames={{ input: "tp-mono" }}
        onChange={(e) => onChange(e.currentTarget.value)}
      />
    );
  }
  return (
    <TextInput
      {...typed}
      inputMode={field.kind === "number" ? "decimal" : "text"}
      autoComplete="off"
      onChange={(e) => onChange(e.currentTarget.value)}
    />
  );
}
