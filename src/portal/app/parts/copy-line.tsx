import { Button, CopyButton, Group } from "@mantine/core";

/** A line to be put somewhere else, such as a DNS record, with a button that copies it. */
export function CopyLine(props: { text: string; what: string }) {
  return (
    <Group className="tp-copy" gap="sm" wrap="nowrap" justify="space-between">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, by keyboard too */}
      <pre className="tp-pre" tabIndex={0}>
        {props.text}
      </pre>
      <CopyButton value={props.text} timeout={1500}>
        {({ copied, copy }) => (
          <Button
            size="compact-sm"
            variant="default"
            onClick={copy}
            aria-label={`Copy ${props.what}`}
          >
            {copied ? "Copied" : "Copy"}
          </Button>
        )}
      </CopyButton>
    </Group>
  );
}
