import type { ReactNode } from "react";
import { Confirm } from "./confirm.tsx";
import { useToast } from "./toast.tsx";

/** What a removal tells of its end. */
interface RemovalEnd {
  readonly onSuccess: () => void;
  readonly onError: (error: Error) => void;
  readonly onSettled: () => void;
}

/** Asks before something with a name is removed, and says how that went. */
export function Removal(props: {
  /** What it is, such as `certificate`. */
  kind: string;
  /** Null: nothing is to be removed. */
  name: string | null;
  busy: boolean;
  onClose: () => void;
  remove: (name: string, end: RemovalEnd) => void;
  /** What follows from it. */
  children: ReactNode;
}) {
  const { kind, name } = props;
  const toast = useToast();
  const end = {
    onSuccess: () => toast(`${name} is removed`),
    onError: (error: Error) => toast(error.message, { bad: true }),
    onSettled: props.onClose,
  };
  return (
    <Confirm
      open={name !== null}
      title={`Remove the ${kind} ${name ?? ""}?`}
      verb={`Remove ${kind}`}
      busy={props.busy}
      onClose={props.onClose}
      onConfirm={() => name !== null && props.remove(name, end)}
    >
      {props.children}
    </Confirm>
  );
}
