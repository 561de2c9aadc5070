import { Button, Group, Modal, NativeSelect, Stack, Text } from "@mantine/core";
import { type FormEvent, useState } from "react";
import type { ForcedState } from "../../../model/origin.ts";
import { useChange } from "../api/queries.ts";
import { sortProblems } from "./field-problems.ts";
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

/** Overrules what checks say of a web server, as for maintenance; it ends by itself. */
export function ForceFor(props: {
  params: { readonly customer: string; readonly hostname: string; readonly name: string };
  open: boolean;
  onClose: () => void;
}) {
  const [state, setState] = useState<string>("drain");
  const [minutes, setMinutes] = useState("60");
  const patch = useChange("patchOrigin");
  const toast = useToast();
  const { name } = props.params;

  function submit(event: FormEvent): void {
    event.preventDefault();
    const until = new Date(Date.now() + Number(minutes) * MINUTE_MS).toISOString();
    patch.mutate(
      { params: props.params, body: { state: state as ForcedState, until } },
      {
        onSuccess() {
          toast(`Until ${formatMoment(until)}, ${name} does not follow its checks`);
          props.onClose();
        },
      },
    );
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
          <FormAlert words={sortProblems(patch.error, {}).rest} />
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
            <Button type="submit" loading={patch.isPending}>
              Set
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
