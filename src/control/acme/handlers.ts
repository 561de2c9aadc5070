import { Fault } from "../../base/fault.ts";
import type { RevokeReason } from "../../model/api/mod.ts";
import { OF_NETWORK } from "../../model/certificate.ts";
import type { Handlers } from "../api/serve.ts";
import type { Caller } from "../caller.ts";
import type { AcmeBook } from "./book.ts";

export type ObtainedHandlers = Pick<
  Handlers,
  | "listObtained"
  | "renewObtained"
  | "revokeObtained"
  | "listNetworkObtained"
  | "renewNetworkObtained"
  | "revokeNetworkObtained"
>;

/** The routes of what is obtained. */
export function obtainedHandlers(book: AcmeBook): ObtainedHandlers {
  const renew = (caller: Caller, customer: string, host: string) => {
    return book.renew({ customer, host }, caller);
  };
  const revoke = (caller: Caller, of: { customer: string; host: string }, reason: RevokeReason) => {
    return book.revoke(of, caller, reason);
  };
  return {
    listObtained: async ({ params }) => {
      const view = await book.view(params.customer);
      if (view === null) throw new Fault("not-found", params.customer);
      return view;
    },
    renewObtained: ({ caller, params }) => renew(caller, params.customer, params.host),
    revokeObtained: ({ caller, params, body }) => revoke(caller, params, body.reason),
    listNetworkObtained: async () => {
      const view = await book.view(null);
      if (view === null) throw new Fault("not-found", "zone");
      return view;
    },
    renewNetworkObtained: ({ caller, params }) => renew(caller, OF_NETWORK, params.host),
    revokeNetworkObtained: ({ caller, params, body }) => {
      return revoke(caller, { customer: OF_NETWORK, host: params.host }, body.reason);
    },
  };
}
