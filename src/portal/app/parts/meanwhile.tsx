import { Alert, List, Text } from "@mantine/core";
import { useEffect, useRef } from "react";
import type { Meanwhile } from "./text-merge.ts";

/** Longer texts, such as certificates, are told by their lengths. */
const SHOWN_MAX = 80;

/** What others changed while a form was open; nothing of the form is saved yet. */
export function MeanwhileAlert(props: {
  /** False: they removed the site. */
  readonly there: boolean;
  /** What a person may look at to choose: of each field, or as the API told it. */
  readonly lines: readonly string[];
  /** What is in the form now, and what saving it does. */
  readonly words: string;
}) {
  const alert = useRef<HTMLDivElement>(null);
  useEffect(() => {
    alert.current?.scrollIntoView({ block: "nearest" });
  }, []);
  return (
    <Alert
      ref={alert}
      color="yellow"
      variant="outline"
      role="alert"
      className="tp-note"
      title={
        props.there
          ? "Others changed this while you had it open: nothing is saved yet"
          : "Others removed this site while you had it open: nothing is saved"
      }
    >
      {props.lines.length > 0 && (
        <List size="sm" spacing={4} mt={0} mb="xs">
          {props.lines.map((line) => (
            <List.Item key={line} className="tp-break">
              {line}
            </List.Item>
          ))}
        </List>
      )}
      <Text size="sm">
        {props.there
          ? props.words
          : "What you typed is below still. The site can be added again under Sites."}
      </Text>
    </Alert>
  );
}

/** Of forms by fields. */
export const MERGED =
  "What you typed is below, and theirs where you typed nothing. Save puts it in force as it stands there.";

/** What others made of a field, and what was typed over it. */
export function meanwhileLine<F extends string>(
  { field, was, is, yours }: Meanwhile<F>,
  labels: Readonly<Record<F, string>>,
): string {
  const typed = yours === null ? "" : `; you typed ${shown(yours)}`;
  return `${labels[field]}: it was ${shown(was)}, and is ${shown(is)} by now${typed}`;
}

function shown(text: string): string {
  if (text === "") return "empty";
  return text.length > SHOWN_MAX ? `a text of ${text.length} characters` : text;
}
