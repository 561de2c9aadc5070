import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { Problem } from "../../base/result.ts";
import { onlyCustomer } from "./find-customer.ts";
import { noun, table, verb } from "./verb.ts";

interface Flags {
  readonly customer?: string;
}

interface AddFlags extends Flags {
  readonly cert?: string;
  readonly key?: string;
  readonly name?: string;
}

const CUSTOMER = ["--customer <name>", "whose; default: the only one that you may see"] as const;

/** The commands of customers' certificates. */
export function registerCertificates(program: Command): void {
  const parent = noun(program, "certificate", "Certificates that caches show for sites");
  verb<AddFlags>(parent, {
    usage: "add",
    description: "Add a certificate, or the one that follows it; its DNS names say for which sites",
    examples: [
      "turnpike certificate add --cert fullchain.pem --key privkey.pem",
      "turnpike certificate add --name shop --cert new.pem --key new.key --customer shop",
    ],
    options: [
      ["--cert <file>", "PEM: the certificate, then those that lead to its issuer"],
      ["--key <file>", "PEM: its private key"],
      ["--name <name>", "what it is called; default: its first DNS name"],
      CUSTOMER,
    ],
    run: async ({ api, flags, print }) => {
      const { cert, key } = await readPair(flags);
      const params = { customer: await onlyCustomer(api, flags.customer) };
      const name = flags.name === undefined ? {} : { name: flags.name };
      const row = await api.call("addCertificate", { params, body: { ...name, cert, key } });
      const answers = row.answers.length === 0 ? "nothing" : row.answers.join(", ");
      print(row, [
        `${row.name}: shown for ${answers} until ${row.notAfter}`,
        ...row.warnings.map((words) => `warning: ${words}`),
      ]);
      return 0;
    },
  });
  verb<Flags>(parent, {
    usage: "list",
    description: "Certificates: their names, who issued them, and how long they last",
    examples: ["turnpike certificate list --customer shop"],
    options: [CUSTOMER],
    run: async ({ api, flags, print }) => {
      const customer = await onlyCustomer(api, flags.customer);
      const rows = await api.call("listCertificates", { params: { customer } });
      const cells = rows.map((row) => [
        ...[row.name, row.state, row.names.join(" "), row.issuer, row.notAfter, row.daysLeft],
        row.warnings.join("; "),
      ]);
      const heads = ["NAME", "STATE", "FOR", "ISSUER", "NOT AFTER", "DAYS LEFT", "WARNINGS"];
      print(rows, table(heads, cells));
      return 0;
    },
  });
  verb<Flags>(parent, {
    usage: "remove <name>",
    description: "Remove a certificate: within a minute no cache shows it",
    examples: ["turnpike certificate remove www.shop.example --customer shop"],
    options: [CUSTOMER],
    run: async ({ api, args, flags, print }) => {
      const params = { customer: await onlyCustomer(api, flags.customer), name: args[0] ?? "" };
      await api.call("deleteCertificate", { params });
      print({ removed: params.name }, `Removed ${params.name}`);
      return 0;
    },
  });
}

/** Both files, or all that is wrong with them. */
async function readPair(flags: AddFlags): Promise<{ cert: string; key: string }> {
  const problems: Problem[] = [];
  const read = async (option: "cert" | "key"): Promise<string> => {
    const path = flags[option];
    const text = path === undefined ? null : await readFile(path, "utf8").catch(() => null);
    if (text === null) {
      const received = path === undefined ? {} : { received: path };
      problems.push({ path: `--${option}`, message: "expected a readable PEM file", ...received });
    }
    return text ?? "";
  };
  const pair = { cert: await read("cert"), key: await read("key") };
  if (problems.length > 0) throw new Fault("bad-input", "", { problems });
  return pair;
}
