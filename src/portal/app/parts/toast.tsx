import { CloseButton, Paper, Text } from "@mantine/core";
import { createContext, type ReactNode, useCallback, useContext, useRef, useState } from "react";

interface Word {
  readonly id: number;
  readonly text: string;
  readonly bad: boolean;
}

type Say = (text: string, options?: { bad?: boolean }) => void;

const SHOWN_MS = 6000;
const Context = createContext<Say>(() => {});

/** Says in a corner, and to screen readers, what a change did. */
export function useToast(): Say {
  return useContext(Context);
}

export function ToastProvider(props: { children: ReactNode }) {
  const [words, setWords] = useState<readonly Word[]>([]);
  const next = useRef(1);
  const drop = useCallback((id: number) => setWords((all) => all.filter((w) => w.id !== id)), []);
  const say = useCallback<Say>(
    (text, options) => {
      const id = next.current++;
      setWords((all) => [...all.slice(-2), { id, text, bad: options?.bad ?? false }]);
      // What went wrong stays until it was read.
      if (options?.bad !== true) window.setTimeout(() => drop(id), SHOWN_MS);
    },
    [drop],
  );
  return (
    <Context.Provider value={say}>
      {props.children}
      <div className="tp-toasts" role="status" aria-live="polite">
        {words.map((word) => (
          <Paper key={word.id} className="tp-toast" data-bad={word.bad} shadow="md">
            <Text size="sm">{word.text}</Text>
            <CloseButton size="sm" aria-label="Dismiss" onClick={() => drop(word.id)} />
          </Paper>
        ))}
      </div>
    </Context.Provider>
  );
}
