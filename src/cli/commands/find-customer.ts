import type { ApiClient } from "../api-client.ts";

/** The customer named, or the only one that the caller may see; "" where there are more. */
export async function onlyCustomer(api: ApiClient, named: string | undefined): Promise<string> {
  if (named !== undefined) return named;
  const names = (await api.call("listCustomers")).map((customer) => customer.name);
  return names.length === 1 ? (names[0] ?? "") : "";
}
