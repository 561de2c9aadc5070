import { Button, Group, Modal, Stack } from "@mantine/core";
import type { ReactNode } from "react";
import { useFocusBack } from "./focus.ts";

/** Asks before something that cannot be taken back. The button says what will happen. */
export function Confirm(props: {
  open: boolean;
  title: string;
  verb: string;
  /** `plain` for what takes nothing away. */
  tone?: "plain";
  busy: boolean;
  onClose: () => void;
  onConfirm: () => void;
  children: ReactNode;
}) {
  const plain = props.tone === "plain";
  const giveBack = useFocusBack(props.open);
  return (
    <Modal
      opened={props.open}
      onClose={props.onClose}
      title={props.title}
      onExitTransitionEnd={giveBack}
      centered
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <Stack>
        <div>{props.children}</div>
        <Group justify="flex-end">
          <Button variant="default" onClick={props.onClose} data-autofocus>
            {plain ? "Cancel" : "Keep it"}
          </Button>
          <Button
            {...(plain ? {} : { color: "red.9" })}
            loading={props.busy}
            onClick={props.onConfirm}
          >
            {props.verb}
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
