import { Button, Group } from "@mantine/core";
import { useRef, useState } from "react";

const SAID_MS = 1500;

/** A line to be put somewhere else, such as a DNS record, with a button that copies it. */
export function CopyLine(props: { text: string; what: string }) {
  const line = useRef<HTMLPreElement>(null);
  const [copied, setCopied] = useState(false);
  async function copy(): Promise<void> {
    if (!(await isCopied(props.text, line.current))) return;
    setCopied(true);
    window.setTimeout(() => setCopied(false), SAID_MS);
  }
  return (
    <Group className="tp-copy" gap="sm" wrap="nowrap" justify="space-between">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: long lines scroll, by keyboard too */}
      <pre className="tp-pre" tabIndex={0} ref={line}>
        {props.text}
      </pre>
      <Button size="compact-sm" variant="default" onClick={() => void copy()}>
        {copied ? "Copied" : "Copy"}
        <span className="tp-hidden"> {props.what}</span>
      </Button>
    </Group>
  );
}

/**
 * Browsers give pages over plain HTTP no clipboard: there the line is selected and copied as by hand.
 * What could not be copied stays selected.
 */
async function isCopied(text: string, line: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (line === null) return false;
    window.getSelection()?.selectAllChildren(line);
    return document.execCommand("copy");
  }
}
