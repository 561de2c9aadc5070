import { Button, Group, Text } from "@mantine/core";
import type { ReactNode } from "react";

/** The end of a form: the button that sends it, the one that leaves all as it was, and what follows. */
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
  return (
    <Group>
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
