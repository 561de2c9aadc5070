import { Fault } from "../../base/fault.ts";
import { bad, ok, type Result } from "../../base/result.ts";
import type { Network } from "../../model/network.ts";
import type { ChangeDone, Changer } from "../change.ts";
import type { Deps } from "../deps.ts";

/** Publishes the newest intent. When it is published already, it is announced again. */
export async function publish(
  deps: Deps,
  changer: Changer,
  actor: string,
): Promise<Result<ChangeDone>> {
  const done = await changer.change({
    edit: (before) =>
      before === null
        ? bad([{ path: "", message: "expected a network: apply a network file first" }])
        : ok(before),
    actor,
    customer: null,
    action: "network.publish",
    subject: "network",
    publish: true,
  });
  const latest = deps.publisher.latest();
  if (done.ok && done.value.snapshot === null && latest !== null) {
    deps.bus.publish("snapshot.published", { snapshot: latest });
  }
  return done;
}

/**
 * Publishes what an earlier snapshot was made from, as a new number. People keep the access they
 * have now: a rollback gives nobody a removed account back.
 *
 * @throws Fault `not-found` when that snapshot is no longer kept
 */
export async function rollback(
  deps: Deps,
  changer: Changer,
  order: { readonly number: number; readonly actor: string },
): Promise<Result<ChangeDone>> {
  const page = { before: order.number + 1, limit: 1 };
  const [head] = await deps.store.intents.listSnapshots(page);
  const old =
    head?.number === order.number ? await deps.store.intents.readVersion(head.intentVersion) : null;
  if (old === null) throw new Fault("not-found", `snapshot ${order.number}`);
  return changer.change({
    edit: (now) => ok(withMembersOf(old, now)),
    actor: order.actor,
    customer: null,
    action: "network.rollback",
    subject: `snapshot ${order.number}`,
    publish: true,
    revive: true,
  });
}

function withMembersOf(old: Network, now: Network | null): Network {
  const members = new Map(now?.customers.map((c) => [c.name, c.members]) ?? []);
  const customers = old.customers.map((c) => ({ ...c, members: members.get(c.name) ?? [] }));
  return { ...old, customers };
}
