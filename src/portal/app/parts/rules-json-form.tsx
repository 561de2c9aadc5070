import { Paper, Stack, Textarea, Title } from "@mantine/core";
import { type ReactNode, useState } from "react";
import { sortProblems } from "./field-problems.ts";
import { FormEnds } from "./form-ends.tsx";
import { FormAlert } from "./states.tsx";

/** All rules at once, as the network file has them. */
export function RulesJsonForm(props: {
  text: string;
  onText: (text: string) => void;
  /** What others have made of them meanwhile; null: nothing. */
  theirs: string | null;
  above: ReactNode;
  saving: { readonly busy: boolean; readonly error: Error | null };
  onSave: (rules: readonly unknown[]) => void;
  onClose: () => void;
}) {
  const { saving } = props;
  const [own, setOwn] = useState<string | null>(null);

  function save(): void {
    const rules = rulesIn(props.text);
    setOwn(typeof rules === "string" ? rules : null);
    if (typeof rules !== "string") props.onSave(rules);
  }

  const problems = own === null ? sortProblems(saving.error, {}).rest : [own];
  const area = {
    autosize: true,
    minRows: 10,
    maxRows: 28,
    spellCheck: false,
    classNames: { input: "tp-mono" },
  };
  return (
    <Paper className="tp-card" p="lg" component="section">
      <Stack>
        <Title order={2}>Rules</Title>
        {props.above}
        <FormAlert words={problems} />
        <Textarea
          label="Rules, in their order"
          description="JSON, as in the network file. All rules that match count; the first that has a setting decides it"
          value={props.text}
          onChange={(e) => props.onText(e.currentTarget.value)}
          {...area}
        />
        {props.theirs !== null && (
          <Textarea
            label="Rules as others have left them"
            description="In force now. Take from here what is to stay: what is above takes their place"
            value={props.theirs}
            readOnly
            {...area}
          />
        )}
        <FormEnds
          verb="Save rules"
          busy={saving.busy}
          onSend={save}
          onClose={props.onClose}
          note="Published at once."
        />
      </Stack>
    </Paper>
  );
}

/** The rules typed, or what is wrong with the text. What is wrong with rules is the API's word. */
function rulesIn(text: string): readonly unknown[] | string {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : "Expected a list of rules: [ … ]";
  } catch (error) {
    return `This is no JSON: ${(error as Error).message}`;
  }
}
