import { Fault } from "../../base/fault.ts";
import type { Applied } from "../../model/api/mod.ts";
import { type ApiClient, ApiRefusal } from "../api-client.ts";

/**
 * What a change that removes customers leaves of theirs, and how to remove it: it stays for the case that
 * they were removed by mistake, and is whose their short name is next (docs/decisions/0019).
 *
 * @returns lines for people; none where nothing is left, or the caller may not see it
 */
export async function leftBehind(
  api: Pick<ApiClient, "call">,
  { changes, dryRun }: Pick<Applied, "changes" | "dryRun">,
): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const { action, path } of changes) {
    const [, customer] = /^customers\.([^.]+)$/.exec(path) ?? [];
    if (action !== "remove" || customer === undefined) continue;
    const commands = await commandsFor(api, customer);
    if (commands.length === 0) continue;
    const stays = dryRun ? "would stay" : "stays";
    lines.push(
      `What ${customer} had ${stays}, and is whose that name is next. To remove it:`,
      ...commands.map((one) => `  turnpike ${one} --customer ${customer}`),
    );
  }
  return lines;
}

async function commandsFor(
  api: Pick<ApiClient, "call">,
  customer: string,
): Promise<readonly string[]> {
  const params = { customer };
  const some = await Promise.all([
    rowsOf(api.call("listSigningKeys", { params }), ({ name }) => `key remove ${name}`),
    rowsOf(api.call("listCredentials", { params }), ({ name }) => `credential remove ${name}`),
    rowsOf(api.call("listTsigKeys", { params }), ({ key }) => `tsig delete ${key}`),
    rowsOf(api.call("listCertificates", { params }), ({ name }) => `certificate remove ${name}`),
  ]);
  return some.flat();
}

/** Whoever left nothing of a kind is nobody by now: 404. What cannot be said takes nothing from what was done. */
async function rowsOf<T>(
  asked: Promise<readonly T[]>,
  commandOf: (row: T) => string,
): Promise<readonly string[]> {
  try {
    return (await asked).map(commandOf);
  } catch (error) {
    if (error instanceof ApiRefusal || error instanceof Fault) return [];
    throw error;
  }
}
