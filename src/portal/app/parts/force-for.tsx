import { Button, Group, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { ForcedState } from "../../../model/origin.ts";
import { sortProblems } from "./field-problems.ts";
import { useFocusBackAtEnd } from "./focus.ts";
import { formatMoment } from "./format.ts";
import { FormAlert } from "./states.tsx";
import { useToast } from "./toast.tsx";

const MINUTE_MS = 60_000;

const STATES = [
  { value: "drain", label: "Drain: no new users" },
  { value: "down", label: "Counts as down" },
  { value: "up", label: "Counts as up" },
] satisfies readonly { value: ForcedState; label: string }[];

const SPANS = [
  { value: "15", label: "15 minutes" },
  { value: "60", label: "1 hour" },
  { value: "240", label: "4 hours" },
  { value: "1440", label: "1 day" },
  { value: "10080", label: "1 week" },
];

/** What the API is told: a state until a time. */
export interface Forced {
  readonly state: ForcedState;
  readonly until: string;
}

/** Overrules what checks say of a web server or a cache, as for maintenance; it ends by itself. */
export function ForceFor(props: {
  name: string;
  open: boolean;
  busy: boolean;
  error: Error | null;
  onSet: (forced: Forced, done: () => void) => void;
  onClose: () => void;
}) {
  const [state, setState] = useState<string>("drain");
  const [minutes, setMinutes] = useState("60");
  const toast = useToast();
  useFocusBackAtEnd();
  const { name } = props;

  function submit(event: FormEvent): void {
    event.preventDefault();
    const until = new Date(Date.now() + Number(minutes) * MINUTE_MS).toISOString();
    props.onSet({ state: state as ForcedState, until }, () => {
      toast(`Until ${formatMoment(until)}, ${name} does not follow its checks`);
      props.onClose();
    });
  }

  return (
    <Modal
      opened={props.open}
      onClose={props.onClose}
      title={`${name}, for a while`}
      centered
      closeButtonProps={{ "aria-label": "Close" }}
    >
      <form onSubmit={submit} noValidate>
        <Stack>
          <FormAlert words={sortProblems(props.error, {}).rest} />
          <NativeSelect
            label="Until then"
            data={STATES}
            value={state}
            onChange={(e) => setState(e.currentTarget.value)}
            data-autofocus
          />
          <NativeSelect
            label="It ends after"
            data={SPANS}
            value={minutes}
            onChange={(e) => setMinutes(e.currentTarget.value)}
          />
          <Text size="sm" c="dimmed">
            It follows its checks again by itself, also if nobody is there.
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={props.onClose}>
              Cancel
            </Button>
            <Button type="submit" loading={props.busy}>
              Set
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
