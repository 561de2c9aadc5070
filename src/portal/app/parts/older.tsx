import { Button, Stack, Text } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import type { usePages } from "../api/pages.ts";

type Pages = Pick<
  ReturnType<typeof usePages>,
  "hasNextPage" | "isFetchingNextPage" | "fetchNextPage"
>;

/**
 * Below a list that comes in pages: the button for the next of them, and how much is shown. The keyboard
 * stays at the button; once that is gone, it is at the word that this is all.
 */
export function Older(props: {
  pages: Pages;
  /** Such as `Show older snapshots`. */
  verb: string;
  /** Such as `40 snapshots shown`. */
  shown: string;
  /** Said after that where no more can come. */
  end: string;
}) {
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = props.pages;
  const [fault, setFault] = useState<string | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const words = useRef<HTMLParagraphElement>(null);
  const pressed = useRef(false);
  useEffect(() => {
    if (isFetchingNextPage || !pressed.current) return;
    pressed.current = false;
    const { activeElement, body } = document;
    if (activeElement !== null && activeElement !== body) return;
    (button.current ?? words.current)?.focus({ preventScroll: true });
  }, [isFetchingNextPage]);
  async function press(): Promise<void> {
    pressed.current = true;
    setFault(null);
    const { isFetchNextPageError, error } = await fetchNextPage();
    if (isFetchNextPageError) setFault(error.message);
  }
  return (
    <Stack align="center" gap="xs">
      {fault !== null && (
        <Text size="sm" c="var(--mantine-color-error)" role="alert">
          They do not come: {fault}
        </Text>
      )}
      {hasNextPage && (
        <Button
          variant="default"
          ref={button}
          loading={isFetchingNextPage}
          onClick={() => void press()}
        >
          {props.verb}
        </Button>
      )}
      <Text size="sm" c="dimmed" role="status" ref={words} tabIndex={-1}>
        {hasNextPage ? props.shown : `${props.shown}: ${props.end}`}
      </Text>
    </Stack>
  );
}
