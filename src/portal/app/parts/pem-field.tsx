import { Textarea } from "@mantine/core";

/** A text in PEM, of many lines. */
export function PemField(props: {
  label: string;
  description: string;
  value: string;
  onChange: (text: string) => void;
  error: string | undefined;
}) {
  return (
    <Textarea
      label={props.label}
      description={props.description}
      value={props.value}
      onChange={(e) => props.onChange(e.currentTarget.value)}
      error={props.error}
      autosize
      minRows={4}
      maxRows={10}
      spellCheck={false}
      autoComplete="off"
    />
  );
}
