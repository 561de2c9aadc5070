import type { Changer } from "../change.ts";
import type { ClaimBook } from "../claims.ts";
import {
  deleteRecords,
  deleteZone,
  listZones,
  putRecords,
  putTransfer,
  putZone,
  readZone,
  readZoneText,
} from "../commands/zone.ts";
import type { Deps } from "../deps.ts";
import type { Handlers } from "./serve.ts";

/** Zones that customers host, and other records at delegated hostnames. */
export function zoneHandlers(o: {
  readonly deps: Deps;
  readonly changer: Changer;
  readonly claims: ClaimBook;
}) {
  const { deps, changer, claims } = o;
  const networkNow = async () => (await deps.store.intents.read()).network;
  return {
    listZones: async ({ params }) => listZones(await networkNow(), params.customer),
    readZone: async ({ params }) => readZone(await networkNow(), params),
    readZoneText: async ({ params }) => {
      const serial = deps.publisher.latest()?.number ?? 0;
      return { name: params.zone, text: readZoneText(await networkNow(), params, serial) };
    },
    putZone: ({ caller, params, body }) =>
      putZone(changer, { ...params, ...body, actor: caller.actor, claims }),
    deleteZone: ({ caller, params }) => deleteZone(changer, { ...params, actor: caller.actor }),
    putRecords: ({ caller, params, body }) =>
      putRecords(changer, { ...params, actor: caller.actor }, body),
    deleteRecords: ({ caller, params }) =>
      deleteRecords(changer, { ...params, actor: caller.actor }),
    putTransfer: ({ caller, params, body }) =>
      putTransfer(changer, { ...params, actor: caller.actor }, body),
    deleteTransfer: ({ caller, params }) =>
      putTransfer(changer, { ...params, actor: caller.actor }, null),
    listClaims: ({ params }) => claims.list(params.customer),
    checkClaim: ({ caller, params }) => claims.check({ ...params, actor: caller.actor }),
    deleteClaim: async ({ caller, params }) => {
      await claims.drop({ ...params, actor: caller.actor });
      return undefined;
    },
  } satisfies Partial<Handlers>;
}
