import { Button, TextInput } from "@mantine/core";
import { type FormEvent, type KeyboardEvent, useRef, useState } from "react";
import type { OriginLive } from "../../../model/api/mod.ts";
import { useChange } from "../api/queries.ts";
import { sortProblems } from "./field-problems.ts";
import { useToast } from "./toast.tsx";
import { numberIn } from "./use-texts.ts";

/** A weight that turns into a field when pressed; Enter or leaving it saves, Escape does not. */
export function WeightCell(props: { customer: string; hostname: string; origin: OriginLive }) {
  const { origin } = props;
  const [text, setText] = useState<string | null>(null);
  const patch = useChange("patchOrigin");
  const toast = useToast();
  // After Enter or Escape the button takes the focus back; after a blur it is elsewhere already.
  const takesFocus = useRef(false);

  function save(event?: FormEvent): void {
    event?.preventDefault();
    takesFocus.current = event !== undefined;
    if (text === null || patch.isPending) return;
    const weight = numberIn(text);
    if (weight === origin.weight) {
      stop();
      return;
    }
    patch.mutate(
      {
        params: { customer: props.customer, hostname: props.hostname, name: origin.name },
        // A word that is no number is sent as it is: the API says what it expects.
        body: { weight: Number.isNaN(weight) ? (text as unknown as number) : weight },
      },
      {
        onSuccess: () => {
          setText(null);
          toast(`${origin.name} has weight ${weight} now`);
        },
      },
    );
  }

  function stop(): void {
    setText(null);
    patch.reset();
  }

  function onKey(event: KeyboardEvent): void {
    takesFocus.current = event.key === "Escape";
    if (takesFocus.current) stop();
  }

  if (text === null) {
    return (
      <WeightButton
        origin={origin}
        takesFocus={takesFocus.current}
        onPress={() => setText(String(origin.weight))}
      />
    );
  }
  const problems = sortProblems(patch.error, { weight: ["weight"] });
  return (
    <form onSubmit={save} noValidate>
      <TextInput
        aria-label={`Weight of ${origin.name}`}
        className="tp-weight tp-wrap"
        size="xs"
        inputMode="decimal"
        autoFocus
        value={text}
        onChange={(e) => setText(e.currentTarget.value)}
        onKeyDown={onKey}
        onBlur={() => save()}
        readOnly={patch.isPending}
        error={problems.fields.weight ?? problems.rest[0]}
      />
    </form>
  );
}

function WeightButton(props: { origin: OriginLive; takesFocus: boolean; onPress: () => void }) {
  return (
    <Button
      variant="default"
      size="compact-sm"
      className="tp-num"
      autoFocus={props.takesFocus}
      onClick={props.onPress}
    >
      {props.origin.weight}
      <span className="tp-hidden">, change the weight of {props.origin.name}</span>
    </Button>
  );
}
