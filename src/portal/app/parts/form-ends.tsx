import { Button, Group, Text } from "@mantine/core";
import { type ReactNode, useRef } from "react";
import { useFirstField, useFocusBackAtEnd, useSentFocus } from "./focus.ts";

/**
 * The end of a form that opens and closes: the button that sends it, the one that leaves all as it was,
 * and what follows. Also keeps the keyboard: at the first field when it opens, at the first fault when it
 * was sent, and where it came from when it closes.
 */
export function FormEnds(props: {
  readonly verb: string;
  readonly busy: boolean;
  readonly disabled?: boolean;
  readonly onClose: () => void;
  /** Where there is no form that the button would send. */
  readonly onSend?: () => void;
  readonly note?: string;
  /** Other ways on, between the two. */
  readonly children?: ReactNode;
}) {
  const { onSend } = props;
  const ends = useRef<HTMLDivElement>(null);
  useFocusBackAtEnd();
  useFirstField(ends);
  useSentFocus(ends, props.busy);
  return (
    <Group ref={ends}>
      <Button
        {...(onSend === undefined ? { type: "submit" as const } : { onClick: onSend })}
        loading={props.busy}
        disabled={props.disabled === true}
      >
        {props.verb}
      </Button>
      {props.children}
      <Button variant="default" onClick={props.onClose}>
        Cancel
      </Button>
      {props.note !== undefined && (
        <Text size="sm" c="dimmed">
          {props.note}
        </Text>
      )}
    </Group>
  );
}
