import { parse, stringify } from "yaml";
import type { Invoice, InvoiceCheck, UsageRow } from "../../../model/api/mod.ts";
import { NEWS, PAPER_HOSTNAME, SHOP } from "../layout.ts";
import { expectThat, until } from "../wait.ts";
import { type Claim, MOVE_MS, type Received, type Scene, seconds } from "./claim.ts";

const group = "billing";
const OBJECTS = 10;

function sum(rows: readonly UsageRow[], key: "requests" | "bytesOut" | "hits"): number {
  return rows.reduce((all, row) => all + row[key], 0);
}

const SITES = [
  [SHOP.customer, SHOP.hostname],
  [NEWS.customer, NEWS.hostname],
  [NEWS.customer, PAPER_HOSTNAME],
] as const;

type Counted = Pick<Received, "requests" | "bytes">;

async function ledgerOf(scene: Scene, customer: string, hostname: string): Promise<Counted> {
  const rows = await scene.stage.operator.api.usage(customer);
  const own = rows.filter((row) => row.site === hostname);
  return { requests: sum(own, "requests"), bytes: sum(own, "bytesOut") };
}

/** Nodes send what they counted each second; unchanged for longer, all of it has arrived. */
const SETTLED_MS = 2500;

/** Usage from before the checks (the first answers, or an earlier run), once it has arrived. */
export async function readBaseline(scene: Scene): Promise<ReadonlyMap<string, Counted>> {
  let last = "";
  let sinceMs = performance.now();
  const { value } = await until("usage from before to arrive", MOVE_MS, async () => {
    const found = new Map<string, Counted>();
    for (const [customer, hostname] of SITES)
      found.set(hostname, await ledgerOf(scene, customer, hostname));
    const text = JSON.stringify([...found]);
    if (text !== last) {
      last = text;
      sinceMs = performance.now();
    }
    return performance.now() - sinceMs >= SETTLED_MS ? found : null;
  });
  return value;
}

/** Enough traffic that it comes to cents: two fetches each of many objects, from all networks. */
async function visitMany(scene: Scene): Promise<void> {
  for (const user of scene.stage.users.values()) {
    const urls = Array.from({ length: OBJECTS }, () => scene.freshPath("many"))
      .flatMap((path) => [path, path])
      .map((path, i) => scene.cacheUrl(i % 4 < 2 ? SHOP.hostname : NEWS.hostname, path));
    for (const url of urls) await scene.visit(user, url);
  }
}

const USAGE: Claim = {
  group,
  words: "usage equals the bytes that clients received, per customer and site",
  async run(scene) {
    await visitMany(scene);
    const lines: string[] = [];
    for (const [customer, hostname] of SITES) {
      const before = scene.baseline.get(hostname) ?? { requests: 0, bytes: 0 };
      const got = scene.received.get(hostname) ?? { requests: 0, bytes: 0 };
      const { tookMs } = await until(`usage of ${hostname}`, MOVE_MS, async () => {
        const now = await ledgerOf(scene, customer, hostname);
        const [requests, bytes] = [now.requests - before.requests, now.bytes - before.bytes];
        return expectThat(
          requests === got.requests && bytes === got.bytes,
          `ledger ${requests} requests, ${bytes} bytes; received ${got.requests} and ${got.bytes}`,
        );
      });
      const figures = `${got.requests} requests and ${got.bytes} bytes`;
      lines.push(`${hostname} ${figures} in both, after ${seconds(tookMs)}`);
    }
    return lines.join("; ");
  },
};

/** Micros of a decimal amount; amounts are compared as integers. */
function micros(amount: string): bigint {
  const [, sign = "", whole = "0", part = ""] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount) ?? [];
  const value = BigInt(whole) * 1_000_000n + BigInt(part.padEnd(6, "0").slice(0, 6));
  return sign === "-" ? -value : value;
}

/** The lines must add up, be what the ledger gives when computed again, and end up paid. */
async function invoiceAndPay(scene: Scene, customer: string): Promise<string> {
  const { api } = scene.stage.operator;
  const period = new Date().toISOString().slice(0, 7);
  const invoice = await api.issueInvoice(customer, period);
  const total = invoice.lines.reduce((all, line) => all + micros(line.amount), 0n);
  expectThat(total === micros(invoice.total), `lines are ${total} micros, total ${invoice.total}`);
  expectThat(invoice.state === "open", `state ${invoice.state}`);
  const again = await api.call<InvoiceCheck>("GET", `/invoices/${invoice.id}/check`);
  expectThat(again.equal, `computed again: ${again.differences.join("; ")}`);
  const member = customer === SHOP.customer ? scene.stage.shop : scene.stage.news;
  await api.payInvoice(invoice.id);
  const read = await member.api.call<Invoice>("GET", `/invoices/${invoice.id}`);
  expectThat(read.state === "paid" && read.paidAt !== null, `state ${read.state}`);
  const lines = invoice.lines.map((l) => `${l.text} ${l.quantity} x ${l.unitPrice} = ${l.amount}`);
  return `${invoice.number}: ${lines.join("; ")}; total ${read.total} ${read.currency}, ${read.state}`;
}

/**
 * News pays for every byte from the first: the month's lines are the ledger's bytes, in gigabytes.
 * All of the month's invoices are added up, for an earlier run may have issued one.
 */
async function bytesInvoiced(scene: Scene): Promise<string> {
  const { api } = scene.stage.operator;
  const bytes = sum(await api.usage(NEWS.customer), "bytesOut");
  const invoices = await api.call<readonly Invoice[]>(
    "GET",
    `/customers/${NEWS.customer}/invoices`,
  );
  const lines = invoices.flatMap((i) => i.lines).filter((l) => l.unit === "GB");
  const [price] = lines.map((l) => l.unitPrice);
  const invoiced = Math.round(lines.reduce((all, l) => all + Number(l.quantity), 0) * 1e9);
  expectThat(invoiced === bytes, `invoiced ${invoiced} bytes, metered ${bytes}`);
  const want = (bytes / 1e9) * Number(price);
  const cents = lines.reduce((all, l) => all + Number(l.amount), 0);
  expectThat(Math.abs(want - cents) < 0.01, `${bytes} bytes are ${want}, invoiced ${cents}`);
  return `news's ${bytes} bytes at ${price} a gigabyte are ${cents.toFixed(2)}`;
}

const INVOICE: Claim = {
  group,
  words: "the invoice follows from the usage by the plan, and is paid",
  async run(scene) {
    const shop = await invoiceAndPay(scene, SHOP.customer);
    const news = await invoiceAndPay(scene, NEWS.customer);
    return `${await bytesInvoiced(scene)}; shop ${shop}; news ${news}`;
  },
};

/** Plans by which neither of the demo's customers is billed: without use, what they ask for at once. */
const OTHER_PLANS = [
  { plan: "flat", kind: "fixed", total: "99.00 EUR" },
  { plan: "event", kind: "lump-sum", total: "1500.00 USD" },
] as const;

const ALL_KINDS: Claim = {
  group,
  words: "fees are fixed, variable, a lump sum or a subscription",
  async run(scene) {
    const { api } = scene.stage.operator;
    const period = new Date().toISOString().slice(0, 7);
    const file = await Bun.file(scene.stage.networkPath).text();
    const network = parse(file) as {
      customers: unknown[];
      plans: { name: string; kind: string }[];
    };
    const more = OTHER_PLANS.map(({ plan }) => ({ name: `on-${plan}`, title: plan, plan }));
    await api.apply(stringify({ ...network, customers: [...network.customers, ...more] }));
    try {
      const seen: string[] = [];
      for (const { plan, kind, total } of OTHER_PLANS) {
        const path = `/customers/on-${plan}/invoices`;
        const [found] = await api.call<readonly Invoice[]>("GET", path);
        const invoice = found ?? (await api.issueInvoice(`on-${plan}`, period));
        const words = `${invoice.total} ${invoice.currency}`;
        expectThat(words === total, `the invoice by ${plan} is ${words}`);
        seen.push(`${kind} ${invoice.number}, ${words}`);
      }
      const kinds = network.plans
        .filter(({ name }) => name === "growth" || name === "metered")
        .map(({ kind }) => kind);
      return `${seen.join("; ")}; shop and news, as above: ${kinds.sort().reverse().join(" and ")}`;
    } finally {
      await api.apply(file);
    }
  },
};

export const BILLING: readonly Claim[] = [USAGE, INVOICE, ALL_KINDS];
