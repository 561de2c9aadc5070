import type { Command } from "commander";
import { onlyCustomer } from "./find-customer.ts";
import { noun, table, verb } from "./verb.ts";

interface Flags {
  readonly customer?: string;
}

const CUSTOMER = ["--customer <name>", "whose; default: the only one that you may see"] as const;

/** The commands of keys for signed addresses. */
export function registerKeys(program: Command): void {
  const parent = noun(program, "key", "Keys for signed addresses");
  verb<Flags>(parent, {
    usage: "add <name>",
    description: "Make a key, or give it another secret; it is printed this once",
    examples: ["turnpike key add autumn --customer shop > autumn.secret"],
    options: [CUSTOMER],
    run: async ({ api, args, flags, print }) => {
      const params = { customer: await onlyCustomer(api, flags.customer), name: args[0] ?? "" };
      const made = await api.call("putSigningKey", { params, body: {} });
      print(made, made.secret);
      return 0;
    },
  });
  verb<Flags>(parent, {
    usage: "list",
    description: "Keys, without their secrets, and the rules that name them",
    examples: ["turnpike key list --customer shop"],
    options: [CUSTOMER],
    run: async ({ api, flags, print }) => {
      const customer = await onlyCustomer(api, flags.customer);
      const rows = await api.call("listSigningKeys", { params: { customer } });
      const cells = rows.map((key) => [key.name, key.madeAt, key.rules.join(", ")]);
      print(rows, table(["NAME", "MADE", "RULES"], cells, "No keys"));
      return 0;
    },
  });
  verb<Flags>(parent, {
    usage: "remove <name>",
    description: "Remove a key: what it signed is refused from then on",
    examples: ["turnpike key remove summer --customer shop"],
    options: [CUSTOMER],
    run: async ({ api, args, flags, print }) => {
      const params = { customer: await onlyCustomer(api, flags.customer), name: args[0] ?? "" };
      await api.call("deleteSigningKey", { params });
      print({ removed: params.name }, `Removed ${params.name}`);
      return 0;
    },
  });
}
