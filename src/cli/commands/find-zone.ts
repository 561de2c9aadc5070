import { Fault } from "../../base/fault.ts";
import type { ZoneChanged, ZoneRow } from "../../model/api/mod.ts";
import type { ApiClient } from "../api-client.ts";
import { pendingWords } from "./zone-claim.ts";

/** Zones that the caller may see, of one customer or of all. */
export async function listZones(api: ApiClient, customer?: string): Promise<readonly ZoneRow[]> {
  const customers =
    customer === undefined ? (await api.call("listCustomers")).map((c) => c.name) : [customer];
  const lists = await Promise.all(
    customers.map((name) => api.call("listZones", { params: { customer: name } })),
  );
  return lists.flat();
}

/** A zone belongs to one customer: people need not say which. */
export async function findZone(
  api: ApiClient,
  text: string,
): Promise<{ customer: string; zone: string }> {
  const name = text.toLowerCase().replace(/\.$/, "");
  const row = (await listZones(api)).find((each) => each.name === name);
  if (row === undefined) throw new Fault("not-found", `no zone ${name}`);
  return { customer: row.customer, zone: name };
}

/** What every change of a zone prints; warnings about a file with its name. */
export function zoneChangedWords(done: ZoneChanged, file = ""): string[] {
  const place = (line?: number, column?: number) =>
    line === undefined ? "" : `${file === "" ? "" : `${file}:`}${line}:${column ?? 1}: `;
  return [
    ...done.ignored.map((words) => `left out: ${words}`),
    ...done.warnings.map(({ line, column, received = "", message }) => {
      return `warning: ${place(line, column)}${received} ${message}`;
    }),
    ...done.changes,
    ...(done.pending === undefined ? [summaryOf(done)] : pendingWords(done.pending)),
  ];
}

function summaryOf({ changes, snapshot, dryRun }: ZoneChanged): string {
  if (changes.length === 0) return "No changes";
  if (dryRun) return "Nothing was applied";
  return snapshot === null ? "Applied" : `Published as snapshot ${snapshot}`;
}
