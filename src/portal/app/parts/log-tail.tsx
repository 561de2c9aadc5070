import { Button, Group, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { useEffect, useState } from "react";
import { ApiFault, call } from "../api/client.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { formatBytes, formatExact, formatNumber } from "./format.ts";

/** Lines on the page: older ones make room. */
const LINES_MAX = 200;
const WAIT_MS = 5000;
const AGAIN_MS = 2000;
/** Between two answers: lines come in handfuls. */
const PAUSE_MS = 200;

/** What the page shows of a line; what a line lacks is left empty. */
interface Line {
  readonly number: number;
  readonly node: string;
  readonly at: string;
  readonly client: string;
  readonly request: string;
  readonly status: string;
  readonly cache: string;
  readonly bytes: number | null;
}

/** The requests of a site at all caches, as they happen. */
export function LogTail(props: { customer: string; hostname: string }) {
  const [on, setOn] = useState(false);
  const [text, setText] = useState("");
  const { lines, dropped, fault, begun } = useTail(props, on);
  const wanted = text.trim().toLowerCase();
  const shown = lines.filter((line) => isShown(line, wanted));
  return (
    <Stack>
      <Paper className="tp-card" p="lg" component="section">
        <Stack gap="sm">
          <Title order={2}>Requests as they happen</Title>
          <Text c="dimmed" size="sm">
            At all caches, the newest first; the last {LINES_MAX} stay here.
          </Text>
          <Group align="flex-end">
            <Button variant={on ? "default" : "filled"} onClick={() => setOn(!on)}>
              {on ? "Stop" : "Follow"}
            </Button>
            <TextInput
              label="Only lines with"
              placeholder="/img/"
              value={text}
              onChange={(e) => setText(e.currentTarget.value)}
              autoComplete="off"
              spellCheck={false}
            />
          </Group>
          <Text size="sm" role="status">
            {stateWords({ on, fault, begun, lines: lines.length, dropped })}
          </Text>
        </Stack>
      </Paper>
      {lines.length > 0 && shown.length === 0 && (
        <Text c="dimmed">
          None of the {formatNumber(lines.length, "line")} here has “{text.trim()}”.
        </Text>
      )}
      {shown.length > 0 && (
        <DataTable
          label="Requests as they happen"
          columns={COLUMNS}
          rows={shown}
          rowKey={(line) => String(line.number)}
        />
      )}
    </Stack>
  );
}

/** In what people see of a line, capitals or not. */
function isShown({ number: _, bytes: __, ...words }: Line, wanted: string): boolean {
  return Object.values(words).some((word) => word.toLowerCase().includes(wanted));
}

function stateWords(o: {
  on: boolean;
  fault: string | null;
  begun: boolean;
  lines: number;
  dropped: number;
}) {
  if (o.fault !== null) return `${o.fault}. Trying again.`;
  if (!o.on) return o.lines === 0 ? "" : "Stopped.";
  if (!o.begun) return "Asking the caches…";
  const left =
    o.dropped === 0 ? "" : ` ${formatExact(o.dropped)} more came than a page can follow.`;
  return o.lines === 0 ? "Waiting for a request…" : `Following.${left}`;
}

/** Asks again and again while it is wanted; what came stays when it is not. */
function useTail(of: { customer: string; hostname: string }, on: boolean) {
  const { customer, hostname } = of;
  const [lines, setLines] = useState<readonly Line[]>([]);
  const [dropped, setDropped] = useState(0);
  const [fault, setFault] = useState<string | null>(null);
  /** A first answer came: every request from then on is shown. */
  const [begun, setBegun] = useState(false);
  useEffect(() => {
    setBegun(false);
    let over = !on;
    let after: string | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    async function ask(): Promise<void> {
      if (over) return;
      const query = { waitMs: WAIT_MS, ...(after !== undefined && { after }) };
      try {
        const said = await call("tailLog", { params: { customer, hostname }, query });
        if (over) return;
        after = said.next;
        setBegun(true);
        setFault(null);
        if (said.dropped > 0) setDropped((n) => n + said.dropped);
        if (said.lines.length > 0) setLines((before) => joined(before, said.lines));
        timer = setTimeout(ask, PAUSE_MS);
      } catch (error) {
        if (over) return;
        setFault(error instanceof ApiFault ? error.message : String(error));
        timer = setTimeout(ask, AGAIN_MS);
      }
    }
    void ask();
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [customer, hostname, on]);
  return { lines, dropped, begun, fault: on ? fault : null };
}

function joined(before: readonly Line[], came: readonly { node: string; line: string }[]) {
  const first = (before[0]?.number ?? 0) + 1;
  const read = came.map(({ node, line }, i) => lineOf(first + i, node, line));
  return [...read.reverse(), ...before].slice(0, LINES_MAX);
}

function lineOf(number: number, node: string, text: string): Line {
  let said: Record<string, unknown> = {};
  try {
    said = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // A line that was cut is shown as far as it can be: by its cache alone.
  }
  const word = (name: string) => (said[name] == null ? "" : String(said[name]));
  return {
    ...{ number, node, at: word("at").slice(11, 19), client: word("client") },
    request: `${word("method")} ${word("path")}`,
    // RFC 9211: after the cache's name, which has a column of its own.
    ...{ status: word("status"), cache: word("cacheStatus").replace(/^[^;]*;\s*/, "") },
    bytes: typeof said.bytes === "number" ? said.bytes : null,
  };
}

const COLUMNS: readonly Column<Line>[] = [
  { head: "At (UTC)", title: true, cell: (line) => <span className="tp-num">{line.at}</span> },
  {
    head: "Request",
    prose: true,
    cell: (line) => <span className="tp-mono tp-break">{line.request}</span>,
  },
  { head: "Status", align: "right", cell: (line) => line.status },
  { head: "Outcome", prose: true, cell: (line) => <span className="tp-break">{line.cache}</span> },
  {
    head: "Sent",
    align: "right",
    cell: (line) => (line.bytes === null ? "–" : formatBytes(line.bytes)),
  },
  { head: "Client", cell: (line) => <span className="tp-address">{line.client}</span> },
  { head: "Cache", cell: (line) => line.node },
];
