import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { Problem } from "../../base/result.ts";
import type { ApiClient } from "../api-client.ts";
import { registerObtained } from "./certificate-obtained.ts";
import { onlyCustomer } from "./find-customer.ts";
import { noun, table, verb } from "./verb.ts";

interface Flags {
  readonly customer?: string;
  readonly network?: boolean;
}

interface AddFlags extends Flags {
  readonly cert?: string;
  readonly key?: string;
  readonly name?: string;
}

const CUSTOMER = ["--customer <name>", "whose; default: the only one that you may see"] as const;

const NETWORK = ["--network", "the network's own, for c.<zone>: for the operator"] as const;

/** The commands of customers' certificates. */
export function registerCertificates(program: Command): void {
  const parent = noun(program, "certificate", "Certificates that caches show for sites");
  verb<AddFlags>(parent, {
    usage: "add",
    description: "Add a certificate, or the one that follows it; its DNS names say for which sites",
    examples: [
      "turnpike certificate add --cert fullchain.pem --key privkey.pem",
      "turnpike certificate add --name shop --cert new.pem --key new.key --customer shop",
      "turnpike certificate add --network --cert c-zone.pem --key c-zone.key",
    ],
    options: [
      ["--cert <file>", "PEM: the certificate, then those that lead to its issuer"],
      ["--key <file>", "PEM: its private key"],
      ["--name <name>", "what it is called; default: its first DNS name"],
      CUSTOMER,
      NETWORK,
    ],
    run: async ({ api, flags, print }) => {
      const { cert, key } = await readPair(flags);
      const name = flags.name === undefined ? {} : { name: flags.name };
      const body = { ...name, cert, key };
      const row = flags.network
        ? await api.call("addNetworkCertificate", { body })
        : await api.call("addCertificate", { params: await ownerOf(api, flags), body });
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
    options: [CUSTOMER, NETWORK],
    run: async ({ api, flags, print }) => {
      const rows = flags.network
        ? await api.call("listNetworkCertificates")
        : await api.call("listCertificates", { params: await ownerOf(api, flags) });
      const cells = rows.map((row) => [
        ...[row.name, row.state, row.names.join(" "), row.issuer, row.notAfter, row.daysLeft],
        row.warnings.join("; "),
      ]);
      const heads = ["NAME", "STATE", "FOR", "ISSUER", "NOT AFTER", "DAYS LEFT", "WARNINGS"];
      print(rows, table(heads, cells, "No certificates"));
      return 0;
    },
  });
  registerObtained(parent);
  verb<Flags>(parent, {
    usage: "remove <name>",
    description: "Remove a certificate: within a minute no cache shows it",
    examples: ["turnpike certificate remove www.shop.example --customer shop"],
    options: [CUSTOMER, NETWORK],
    run: async ({ api, args, flags, print }) => {
      const name = args[0] ?? "";
      if (flags.network) await api.call("deleteNetworkCertificate", { params: { name } });
      else {
        const params = { ...(await ownerOf(api, flags)), name };
        await api.call("deleteCertificate", { params });
      }
      print({ removed: name }, `Removed ${name}`);
      return 0;
    },
  });
}

async function ownerOf(api: ApiClient, flags: Flags): Promise<{ customer: string }> {
  return { customer: await onlyCustomer(api, flags.customer) };
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
