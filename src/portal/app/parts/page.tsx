import { Anchor, Group, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect, useRef } from "react";
import { hasMoved, Link } from "../router.tsx";

/** A page: its title (also the window's), where it stands, what can be done, and its content. */
export function Page(props: {
  title: string;
  /** The page above this one. */
  up?: { label: string; href: string };
  words?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${props.title} · Turnpike`;
  }, [props.title]);
  // A screen reader is told of the new page by the focus going to its heading.
  useEffect(() => {
    if (hasMoved()) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <Stack gap="lg">
      <div>
        {props.up !== undefined && (
          <Anchor component={Link} href={props.up.href} size="sm" className="tp-no-print">
            <span aria-hidden="true">‹ </span>
            {props.up.label}
          </Anchor>
        )}
        <Group justify="space-between" align="flex-end" gap="md">
          <div className="tp-head">
            <Title order={1} ref={heading} tabIndex={-1} className="tp-h1">
              {props.title}
            </Title>
            {props.words !== undefined && (
              <Text c="dimmed" size="sm" component="div">
                {props.words}
              </Text>
            )}
          </div>
          {props.actions}
        </Group>
      </div>
      {props.children}
    </Stack>
  );
}
