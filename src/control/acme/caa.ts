import { Fault } from "../../base/fault.ts";
import type { NameResolver } from "../../model/resolver.ts";
import { type CaaAsk, caaRefusal } from "../../policy/certificates/mod.ts";
import { type Caa, decodeCaa, type Message, TYPE } from "../../wire/dns/mod.ts";

/** Aliases followed in one answer. */
const ALIASES_MAX = 16;

/**
 * Resolves unless a CAA record of the name, or of the nearest name above it that has any, forbids the
 * authority to issue (RFC 8659 3): it would count the order and refuse it. Where no resolver answers,
 * nothing is known, and the authority looks for itself.
 *
 * @throws Fault `caa-forbids`
 */
export async function checkCaa(host: string, resolver: NameResolver, ask: CaaAsk): Promise<void> {
  for (let name = host; name !== ""; name = parentOf(name)) {
    const message = await resolver.lookup(name, TYPE.CAA).catch(() => null);
    if (message === null) return;
    const records = caaIn(message, name);
    if (records.length === 0) continue;
    const refusal = caaRefusal(records, ask);
    if (refusal !== null) throw new Fault("caa-forbids", `CAA of ${name} for ${host}: ${refusal}`);
    return;
  }
}

/** Those at the end of the name's aliases; one that cannot be read forbids, as one of an unknown tag does. */
function caaIn({ answers }: Message, name: string): readonly Caa[] {
  let owner = name.toLowerCase();
  for (let n = 0; n < ALIASES_MAX; n++) {
    const alias = answers.find((one) => one.type === TYPE.CNAME && sameName(one.name, owner));
    if (alias?.data.kind !== "name") break;
    owner = alias.data.name.toLowerCase();
  }
  return answers.flatMap(({ type, name: of, data }): Caa[] => {
    if (type !== TYPE.CAA || !sameName(of, owner) || data.kind !== "raw") return [];
    return [decodeCaa(data.bytes) ?? { critical: true, tag: "unreadable", value: "" }];
  });
}

function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other;
}

function parentOf(name: string): string {
  const dot = name.indexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1);
}
