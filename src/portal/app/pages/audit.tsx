import { Stack, Text } from "@mantine/core";
import type { AuditEntry } from "../../../model/api/mod.ts";
import { usePages } from "../api/pages.ts";
import { type Column, DataTable } from "../parts/data-table.tsx";
import { formatMoment, formatNumber } from "../parts/format.ts";
import { Older } from "../parts/older.tsx";
import { Page } from "../parts/page.tsx";
import { Empty, Loaded } from "../parts/states.tsx";

const PAGE = 25;
const REFRESH_MS = 5000;

const COLUMNS: readonly Column<AuditEntry>[] = [
  { head: "When", title: true, cell: (entry) => formatMoment(entry.at) },
  { head: "Who", cell: (entry) => <span className="tp-break">{entry.actor}</span> },
  { head: "What", cell: (entry) => <span className="tp-mono">{entry.action}</span> },
  { head: "Of", prose: true, cell: (entry) => <span className="tp-break">{entry.subject}</span> },
  { head: "Changes", prose: true, cell: (entry) => <Changes list={entry.changes} /> },
];

export function AuditPage() {
  const audit = usePages("listAudit", undefined, {
    size: PAGE,
    refreshMs: REFRESH_MS,
    numberOf: (entry) => entry.seq,
  });
  const entries = audit.data?.pages.flat() ?? [];
  return (
    <Page title="Audit log" words="Every change, newest first; each entry is chained to the last">
      <Loaded query={audit}>
        {() =>
          entries.length === 0 ? (
            <Empty title="No change yet">Whatever somebody changes is written down here.</Empty>
          ) : (
            <Stack>
              <DataTable
                label="Audit log"
                columns={COLUMNS}
                rows={entries}
                rowKey={(entry) => String(entry.seq)}
              />
              <Older
                pages={audit}
                verb="Show older entries"
                shown={`${formatNumber(entries.length, "entry", "entries")} shown`}
                end="there is no older one"
              />
            </Stack>
          )
        }
      </Loaded>
    </Page>
  );
}

const SHOWN = 2;

function Changes(props: { list: readonly string[] }) {
  const { list } = props;
  if (list.length === 0) return <Text c="dimmed">–</Text>;
  return (
    <div className="tp-mono">
      {list.slice(0, SHOWN).map((change) => (
        <div key={change}>{change}</div>
      ))}
      {list.length > SHOWN && (
        <details className="tp-evidence">
          <summary>and {list.length - SHOWN} more</summary>
          {list.slice(SHOWN).map((change) => (
            <div key={change}>{change}</div>
          ))}
        </details>
      )}
    </div>
  );
}
