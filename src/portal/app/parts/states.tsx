import { Alert, Button, Paper, Skeleton, Stack, Text, Title } from "@mantine/core";
import type { UseQueryResult } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useRef } from "react";
import { ApiFault } from "../api/client.ts";

/** Whether it was said already, further out on the page, that figures are old. */
const IsSaid = createContext(false);

/** What a page shows of a question it asked: waiting, failed, or the answer. */
export function Loaded<T>(props: {
  query: Pick<UseQueryResult<T>, "data" | "error"> & { refetch: () => unknown };
  /** Heights in px of the grey bars that stand for the answer while it is under way. */
  bars?: readonly number[];
  children: (data: T) => ReactNode;
}) {
  const { query } = props;
  const isSaid = useContext(IsSaid);
  if (query.data !== undefined) {
    return (
      <IsSaid value={isSaid || query.error !== null}>
        {query.error !== null && !isSaid && <Stale error={query.error} />}
        {props.children(query.data)}
      </IsSaid>
    );
  }
  if (query.error !== null)
    return <Failed error={query.error} retry={() => void query.refetch()} />;
  return <Bars heights={props.bars ?? [64, 64, 64]} />;
}

export function Bars(props: { heights: readonly number[] }) {
  return (
    <Stack gap="sm" role="status" aria-label="Loading">
      {props.heights.map((height, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the bars have no other identity
        <Skeleton key={i} height={height} />
      ))}
    </Stack>
  );
}

/** What was seen last stays on the page, with a word that it is old. */
function Stale(props: { error: Error }) {
  return (
    <Alert color="yellow" variant="outline" mb="md" role="status" className="tp-note">
      These figures are not fresh: {props.error.message}. Trying again.
    </Alert>
  );
}

const FAILED: Readonly<Record<number, string>> = {
  403: "This page is not open to you",
  404: "There is nothing here",
};

/** @param props.alone nothing else is on the page */
export function Failed(props: { error: Error; retry?: () => void; alone?: boolean }) {
  const status = props.error instanceof ApiFault ? props.error.status : 0;
  const final = status === 403 || status === 404;
  return (
    <Paper className="tp-card" p="xl" role="alert">
      <Stack align="flex-start" gap="sm">
        <Title order={props.alone === true ? 1 : 2} size="h2">
          {FAILED[status] ?? "This cannot be shown just now"}
        </Title>
        <Text c="dimmed">{props.error.message}</Text>
        {props.retry !== undefined && !final && (
          <Button variant="default" onClick={props.retry}>
            Try again
          </Button>
        )}
      </Stack>
    </Paper>
  );
}

export function Empty(props: { title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <Paper className="tp-card tp-empty" p="xl">
      <Stack align="center" gap="sm" maw={520} mx="auto" ta="center">
        <Title order={2}>{props.title}</Title>
        <Text c="dimmed">{props.children}</Text>
        {props.action}
      </Stack>
    </Paper>
  );
}

/** Problems that belong to no field of the form, and faults: in sight wherever the form was sent from. */
export function FormAlert(props: { words: readonly string[] }) {
  const alert = useRef<HTMLDivElement>(null);
  const said = props.words.join();
  useEffect(() => {
    if (said !== "") alert.current?.scrollIntoView({ block: "nearest" });
  }, [said]);
  if (props.words.length === 0) return null;
  return (
    <Alert ref={alert} color="red" variant="outline" role="alert" className="tp-note tp-note-bad">
      {props.words.map((words) => (
        <Text size="sm" key={words}>
          {words}
        </Text>
      ))}
    </Alert>
  );
}
