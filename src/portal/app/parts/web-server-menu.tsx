import { ActionIcon, Menu, Text } from "@mantine/core";
import { useState } from "react";
import type { OriginLive } from "../../../model/api/mod.ts";
import type { ForcedState } from "../../../model/origin.ts";
import { useChange } from "../api/queries.ts";
import { Confirm } from "./confirm.tsx";
import { ForceFor } from "./force-for.tsx";
import { useToast } from "./toast.tsx";

const STATES: readonly { readonly value: ForcedState; readonly label: string; said: string }[] = [
  { value: "drain", label: "Drain: no new users", said: "is being drained" },
  { value: "up", label: "Force up", said: "counts as up, whatever checks say" },
  { value: "down", label: "Force down", said: "counts as down, whatever checks say" },
  { value: "auto", label: "Back to what checks say", said: "follows its checks again" },
];

/** What can be done to one web server. */
export function WebServerMenu(props: {
  customer: string;
  hostname: string;
  origin: OriginLive;
  onChange: () => void;
}) {
  const { customer, hostname, origin } = props;
  const [asking, setAsking] = useState(false);
  const [timing, setTiming] = useState(false);
  const patch = useChange("patchOrigin");
  const remove = useChange("deleteOrigin");
  const toast = useToast();
  const params = { customer, hostname, name: origin.name };
  const say = (error: Error) => toast(error.message, { bad: true });

  function force(state: ForcedState, said: string): void {
    patch.mutate(
      { params, body: { state } },
      { onSuccess: () => toast(`${origin.name} ${said}`), onError: say },
    );
  }

  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" aria-label={`Actions for ${origin.name}`}>
            <Dots />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {STATES.filter((state) => state.value !== origin.forced).map((state) => (
            <Menu.Item key={state.value} onClick={() => force(state.value, state.said)}>
              {state.label}
            </Menu.Item>
          ))}
          <Menu.Item onClick={() => setTiming(true)}>For a while…</Menu.Item>
          <Menu.Divider />
          <Menu.Item onClick={props.onChange}>Change…</Menu.Item>
          <Menu.Item onClick={() => setAsking(true)}>Remove…</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {timing && <ForceFor params={params} open onClose={() => setTiming(false)} />}
      <Confirm
        open={asking}
        title={`Remove ${origin.name}?`}
        verb={`Remove ${origin.name}`}
        busy={remove.isPending}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          remove.mutate(
            { params },
            {
              onSuccess: () => toast(`${origin.name} is removed`),
              onError: say,
              onSettled: () => setAsking(false),
            },
          )
        }
      >
        <Text>
          {hostname} is no longer answered with {origin.v4 ?? origin.v6}, and caches fetch nothing
          from it. Users keep the address until its lifetime in their resolvers is over.
        </Text>
      </Confirm>
    </>
  );
}

function Dots() {
  return (
    <svg width="16" height="4" viewBox="0 0 16 4" fill="currentColor" aria-hidden="true">
      <circle cx="2" cy="2" r="1.7" />
      <circle cx="8" cy="2" r="1.7" />
      <circle cx="14" cy="2" r="1.7" />
    </svg>
  );
}
