import { Fault } from "../base/fault.ts";
import type { Network } from "../model/network.ts";
import { diffIntent } from "../policy/snapshot/mod.ts";
import { listsStrongly } from "../wire/http/mod.ts";
import type { Deps } from "./deps.ts";
import { changeWords } from "./site-condition.ts";

/** Changes that are told one by one; the rest is counted. */
const TOLD_MAX = 50;

/** The entity tag of all that was asked for: of the intent's version. */
export function networkTag(version: number): string {
  return `"v${version}"`;
}

/**
 * What an apply asks of the network that it takes the place of, by If-Match: to be the one that was read.
 *
 * @throws Fault `changed-since`, with what was changed since, where that version is still kept
 */
export async function heedNetwork(
  { store }: Deps,
  headers: Headers,
  now: { readonly network: Network | null; readonly version: number },
): Promise<void> {
  const ifMatch = headers.get("if-match");
  if (ifMatch === null || listsStrongly(ifMatch, networkTag(now.version))) return;
  const [, read] = /"v(\d{1,15})"/.exec(ifMatch) ?? [];
  const before = read === undefined ? null : await store.intents.readVersion(Number(read));
  const changes = before === null || now.network === null ? [] : diffIntent(before, now.network);
  const problems = changes.slice(0, TOLD_MAX).map((change) => {
    return { path: change.path, message: `changed since you read it: ${changeWords(change)}` };
  });
  const rest = changes.length - problems.length;
  if (rest > 0) problems.push({ path: "", message: `and ${rest} more were changed` });
  throw new Fault("changed-since", `the network is at version ${now.version}`, { problems });
}
