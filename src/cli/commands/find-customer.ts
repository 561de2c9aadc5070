import { Fault } from "../../base/fault.ts";
import type { ApiClient } from "../api-client.ts";

/**
 * The customer named, or the only one that the caller may see.
 *
 * @throws Fault `bad-input` where there are several, or none
 */
export async function onlyCustomer(api: ApiClient, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const names = (await api.call("listCustomers")).map((customer) => customer.name);
  const [only] = names;
  if (only !== undefined && names.length === 1) return only;
  const shown = names.length > SHOWN ? [...names.slice(0, SHOWN), "..."] : names;
  const message =
    only === undefined
      ? "expected a customer: there is none"
      : `expected one of ${shown.join(", ")}`;
  throw new Fault("bad-input", "", {
    problems: [{ path: "--customer", message, received: "nothing" }],
  });
}

const SHOWN = 20;
