import { Paper, Stack, Text, Title } from "@mantine/core";
import type { ZoneChanged } from "../../../model/api/mod.ts";

/** More lines than this are counted, not listed. */
const LINES = 20;

/** What a master file would change, or changed, and what of it deserves a second look. */
export function ZoneChange(props: { title: string; change: ZoneChanged }) {
  const { changes, warnings, ignored } = props.change;
  return (
    <Paper className="tp-card" p="lg" component="section" aria-live="polite">
      <Stack gap="sm">
        <Title order={3}>{props.title}</Title>
        {changes.length === 0 && (
          <Text>Nothing: the zone holds exactly these records already.</Text>
        )}
        <Lines lines={changes} />
        {warnings.length > 0 && <Text fw={650}>Allowed, and likely wrong:</Text>}
        <Lines lines={warnings.map(({ path, message }) => `${path}: ${message}`)} />
        {ignored.length > 0 && <Text fw={650}>Left out of the file:</Text>}
        <Lines lines={ignored} />
      </Stack>
    </Paper>
  );
}

function Lines(props: { lines: readonly string[] }) {
  if (props.lines.length === 0) return null;
  const more = props.lines.length - LINES;
  return (
    <>
      <ul className="tp-lines tp-mono tp-break">
        {props.lines.slice(0, LINES).map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
      {more > 0 && <Text size="sm">and {more} more</Text>}
    </>
  );
}
