import { Stack, Text, Title } from "@mantine/core";
import type { PurgeView } from "../../../model/api/mod.ts";
import { usePages } from "../api/pages.ts";
import { REFRESH_MS } from "../api/queries.ts";
import { type Column, DataTable } from "./data-table.tsx";
import { formatMoment, formatNumber, formatSpan } from "./format.ts";
import { Older } from "./older.tsx";
import { Loaded } from "./states.tsx";

const PAGE = 10;
/** While caches are still to tell, and not for long: one that is away may be so for days. */
const POLL_MS = 500;
const POLL_FOR_MS = 60_000;

/** The purges of a site, whoever asked for them, and which caches no longer serve the old objects. */
export function PurgeList(props: { customer: string; hostname: string }) {
  const purges = usePages("listPurges", props, {
    size: PAGE,
    refreshMs: (newest) => (newest.some(isUnderWay) ? POLL_MS : REFRESH_MS),
    numberOf: ({ purge }) => purge.number,
  });
  const rows = purges.data?.pages.flat() ?? [];
  const newest = rows[0]?.purge.number;
  return (
    <Loaded query={purges} bars={[96]}>
      {() =>
        rows.length === 0 ? (
          <Text c="dimmed" size="sm">
            Nothing of this site was purged yet. Whatever is, also by the command line or the API,
            is listed here with what each cache says.
          </Text>
        ) : (
          <Stack gap="xs">
            <Title order={2}>Purges of this site</Title>
            <DataTable
              label="Purges of this site"
              columns={columnsOf(newest)}
              rows={rows}
              rowKey={({ purge }) => String(purge.number)}
            />
            <Older
              pages={purges}
              verb="Show older purges"
              shown={`${formatNumber(rows.length, "purge")} shown`}
              end="the log has no older one"
            />
          </Stack>
        )
      }
    </Loaded>
  );
}

function isUnderWay({ purge, missing }: PurgeView): boolean {
  return missing.length > 0 && Date.now() - purge.atMs < POLL_FOR_MS;
}

function columnsOf(newest: number | undefined): readonly Column<PurgeView>[] {
  return [
    {
      head: "What",
      title: true,
      cell: ({ purge }) => <span className="tp-mono tp-break">{purgeWords(purge)}</span>,
    },
    {
      head: "Purge",
      cell: ({ purge }) => `${purge.number}${purge.soft === true ? ", soft" : ""}`,
    },
    {
      head: "Asked for",
      cell: ({ purge, by }) => (
        <Stack gap={2}>
          <span>{formatMoment(purge.atMs)}</span>
          {by !== undefined && (
            <Text size="xs" c="dimmed" className="tp-break">
              by {by}
            </Text>
          )}
        </Stack>
      ),
    },
    {
      head: "Caches",
      prose: true,
      cell: (view) => <Receipt view={view} open={view.purge.number === newest} />,
    },
  ];
}

/** Which caches have said that they no longer serve the old object, and how long that took. */
function Receipt({ view, open }: { view: PurgeView; open: boolean }) {
  const { purge, acks, missing } = view;
  const tone = missing.length === 0 ? "good" : "warn";
  return (
    <>
      <span className="tp-state" data-tone={tone} aria-live={open ? "polite" : undefined}>
        <span className="tp-dot" aria-hidden="true" />
        {progressOf(view)}
      </span>
      {acks.length + missing.length > 0 && (
        <details className="tp-evidence" open={open}>
          <summary>
            Each cache<span className="tp-hidden"> of purge {purge.number}</span>
          </summary>
          <ul className="tp-receipts">
            {acks.map((ack) => (
              <li key={ack.node}>
                {ack.node}: {purge.soft === true ? "marked" : "gone"} after{" "}
                {formatAfter(ack.atMs - purge.atMs)}
              </li>
            ))}
            {missing.map((node) => (
              <li key={node}>{node}: not yet; it revalidates what it holds until then</li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

function progressOf({ purge, acks, missing }: PurgeView): string {
  const [done, all] = [acks.length, acks.length + missing.length];
  if (all === 0) return "No cache to tell";
  if (done < all) return `${done} of ${formatNumber(all, "cache")} so far`;
  const word = purge.soft === true ? "Marked in" : "Gone from";
  return all === 1 ? `${word} the one cache` : `${word} all ${all} caches`;
}

function purgeWords(purge: PurgeView["purge"]): string {
  if (purge.scope === "site") return `All of ${purge.site}`;
  if (purge.scope === "tag") return `Tag ${purge.path}`;
  return purge.scope === "prefix" ? `${purge.path}*` : purge.path;
}

function formatAfter(ms: number): string {
  return ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : formatSpan(ms);
}
