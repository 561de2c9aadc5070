import { ActionIcon, Menu } from "@mantine/core";
import { type ReactNode, useState } from "react";
import type { ForcedState } from "../../../model/origin.ts";
import { Dots } from "./dots.tsx";
import { type Forced, ForceFor } from "./force-for.tsx";
import { useToast } from "./toast.tsx";

const STATES: readonly { readonly value: ForcedState; readonly label: string; said: string }[] = [
  { value: "drain", label: "Drain: no new users", said: "is being drained" },
  { value: "up", label: "Force up", said: "counts as up, whatever checks say" },
  { value: "down", label: "Force down", said: "counts as down, whatever checks say" },
  { value: "auto", label: "Back to what checks say", said: "follows its checks again" },
];

/** Sends a word to the API; who asked hears how it went. */
export interface ForcePatch {
  readonly busy: boolean;
  readonly error: Error | null;
  readonly send: (
    body: { readonly state: ForcedState; readonly until?: string },
    then: { readonly onSuccess: () => void; readonly onError?: (error: Error) => void },
  ) => void;
}

/** The actions of a web server or a cache: overruling its checks, and what else there is. */
export function ForceMenu(props: {
  name: string;
  forced: string;
  patch: ForcePatch;
  children?: ReactNode;
}) {
  const { name, patch } = props;
  const [timing, setTiming] = useState(false);
  const toast = useToast();

  function force(state: ForcedState, said: string): void {
    patch.send(
      { state },
      {
        onSuccess: () => toast(`${name} ${said}`),
        onError: (error) => toast(error.message, { bad: true }),
      },
    );
  }

  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <ActionIcon variant="default" aria-label={`Actions for ${name}`}>
            <Dots />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          {STATES.filter((state) => state.value !== props.forced).map((state) => (
            <Menu.Item key={state.value} onClick={() => force(state.value, state.said)}>
              {state.label}
            </Menu.Item>
          ))}
          <Menu.Item onClick={() => setTiming(true)}>For a while…</Menu.Item>
          {props.children}
        </Menu.Dropdown>
      </Menu>
      {timing && (
        <ForceFor
          name={name}
          open
          busy={patch.busy}
          error={patch.error}
          onSet={(forced: Forced, done) => patch.send(forced, { onSuccess: done })}
          onClose={() => setTiming(false)}
        />
      )}
    </>
  );
}
