import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import { type ObtainedRow, revokeReason } from "../../model/api/mod.ts";
import { onlyCustomer } from "./find-customer.ts";
import { table, verb } from "./verb.ts";

interface Flags {
  readonly customer?: string;
  readonly network?: boolean;
  readonly reason?: string;
}

const CUSTOMER = ["--customer <name>", "whose; default: the only one that you may see"] as const;

/** The commands of certificates that the network obtains by itself. */
export function registerObtained(parent: Command): void {
  verb<Flags>(parent, {
    usage: "status",
    description: "Names whose certificates are obtained by themselves, and where each stands",
    examples: ["turnpike certificate status", "turnpike certificate status --network"],
    options: [CUSTOMER, ["--network", "of all customers and of c.<zone>: for the operator"]],
    run: async ({ api, flags, print }) => {
      const view = flags.network
        ? await api.call("listNetworkObtained")
        : await api.call("listObtained", {
            params: { customer: await onlyCustomer(api, flags.customer) },
          });
      const heads = ["NAME", "CUSTOMER", "STATE", "BY", "NOT AFTER", "NEXT", "WHAT"];
      const cells = view.names.map((row) => [
        ...[row.host, row.customer ?? "the network", row.state, row.challenge],
        ...[row.notAfter, row.nextAt, wordsOf(row)],
      ]);
      const none = "No certificates are obtained here: the network file has no acme";
      print(view, view.directory === null ? none : table(heads, cells, "No name wants one"));
      return 0;
    },
  });
  const one = ["--network", "of c.<zone>: for the operator"] as const;
  verb<Flags>(parent, {
    usage: "renew <host>",
    description: "Order a certificate, or the next one, now: once an hour for each name",
    examples: ["turnpike certificate renew www.shop.example --customer shop"],
    options: [CUSTOMER, one],
    run: async ({ api, args, flags, print }) => {
      const host = args[0] ?? "";
      const row = flags.network
        ? await api.call("renewNetworkObtained", { params: { host } })
        : await api.call("renewObtained", {
            params: { customer: await onlyCustomer(api, flags.customer), host },
          });
      print(row, `${host}: ${row.state}, ordered in a moment; see turnpike certificate status`);
      return 0;
    },
  });
  verb<Flags>(parent, {
    usage: "revoke <host>",
    description: "Revoke what was obtained: no cache shows it any more, and another is ordered",
    examples: ["turnpike certificate revoke www.shop.example --reason key-compromise"],
    options: [CUSTOMER, one, ["--reason <why>", `one of ${revokeReason.options.join(", ")}`]],
    run: async ({ api, args, flags, print }) => {
      const host = args[0] ?? "";
      const body = { reason: reasonOf(flags.reason) };
      const row = flags.network
        ? await api.call("revokeNetworkObtained", { params: { host }, body })
        : await api.call("revokeObtained", {
            params: { customer: await onlyCustomer(api, flags.customer), host },
            body,
          });
      print(row, `Revoked the certificate for ${host}`);
      return 0;
    },
  });
}

function reasonOf(text = "unspecified") {
  const reason = revokeReason.safeParse(text);
  if (reason.success) return reason.data;
  const message = `expected one of ${revokeReason.options.join(", ")}`;
  const problems = [{ path: "--reason", message, received: text }];
  throw new Fault("bad-input", "", { problems });
}

function wordsOf(row: ObtainedRow): string {
  const { state, step, problem, cname } = row;
  if (row.alarm === true) return `ENDS SOON, and no other comes: ${problem}`;
  if (state === "own") return "an uploaded certificate is shown";
  if (state !== "failed" || cname == null) return step === "" ? (problem ?? "") : step;
  return `${problem}; can also be shown by ${cname.name} CNAME ${cname.target}`;
}
