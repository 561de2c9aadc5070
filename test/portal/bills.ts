import type { BillingMonth, Invoice, RouteName } from "../../src/model/api/mod.ts";
import { type Handler, type Input, Refusal, sitesOf } from "./asked.ts";
import { invoiceOf, type World } from "./world.ts";

/** The newest first; the first of them is not over. */
const MONTHS = ["2026-11", "2026-10", "2026-09"];

/** What was counted in all months for who has sites, and nothing for others. */
function monthsOf(world: World, input: Input): BillingMonth[] {
  const metered = sitesOf(world, input).length > 0;
  const own = ownOf(world, input);
  return MONTHS.map((month, i) => {
    const invoices = own.filter((one) => one.period === month).map((one) => one.id);
    const passed = own.some((one) => one.period > month);
    const over = invoices.length > 0 ? "billed" : passed ? "passed" : "over";
    return { month, standing: i === 0 ? "running" : over, metered, invoices };
  });
}

function ownOf(world: World, input: Input): Invoice[] {
  return world.invoices.filter((one) => one.customer === input.params.customer);
}

function found(world: World, input: Input): Invoice {
  const invoice = world.invoices.find((one) => one.id === input.params.id);
  if (invoice === undefined) throw new Refusal(404, "There is nothing at this name");
  return invoice;
}

export const billHandlers: { readonly [N in RouteName]?: Handler } = {
  listBillingMonths: (world, input) => ({ reply: monthsOf(world, input) }),
  listInvoices(world, input) {
    sitesOf(world, input);
    return { reply: ownOf(world, input) };
  },
  createInvoice(world, input) {
    sitesOf(world, input);
    const { period } = input.body;
    const made = { ...invoiceOf("open", period), id: "inv-new", number: `${period}-0002` };
    world.invoices.unshift(made);
    return { reply: made };
  },
  readInvoice: (world, input) => ({ reply: found(world, input) }),
  checkInvoice(world, input) {
    const { id, total } = found(world, input);
    return { reply: { id, equal: true, batches: 4711, total, differences: [] } };
  },
  payInvoice(world, input) {
    const invoice = found(world, input);
    const paidAt = new Date(world.nowMs).toISOString();
    const paid = { ...invoice, state: "paid" as const, paidAt };
    world.invoices[world.invoices.indexOf(invoice)] = paid;
    return { reply: paid };
  },
};
