import type { Command } from "commander";
import { numberFlag } from "./number-flag.ts";
import { noun, table, verb } from "./verb.ts";

interface Flags {
  readonly scope: "read" | "write" | "purge";
  readonly customer?: string;
  readonly days: string;
}

export function registerTokens(program: Command): void {
  const parent = noun(program, "token", "Tokens for scripts");
  verb<Flags>(parent, {
    usage: "create <name>",
    description: "Make a token; it is printed this once",
    examples: [
      "turnpike token create ci --scope write --days 90",
      "turnpike token create dashboard --scope read --customer shop",
      "turnpike token create wordpress --scope purge --customer shop",
    ],
    options: [
      ["--scope <scope>", "read, write, or purge: that and nothing else", "write"],
      ["--customer <name>", "for one customer only (operator)"],
      ["--days <days>", "until it expires", "365"],
    ],
    run: async ({ api, args, flags, print }) => {
      const { scope, customer } = flags;
      const body = { name: args[0] ?? "", scope, days: numberFlag("--days", flags.days) };
      const made = await api.call("createToken", {
        body: customer === undefined ? body : { ...body, customer },
      });
      print(made, made.token);
      return 0;
    },
  });
  verb(parent, {
    usage: "list",
    description: "Tokens, without their secrets",
    examples: ["turnpike token list"],
    run: async ({ api, print }) => {
      const rows = await api.call("listTokens");
      const cells = rows.map((t) => [t.id, t.name, t.scope, t.customer, t.expiresAt, t.lastUsedAt]);
      print(
        rows,
        table(["ID", "NAME", "SCOPE", "CUSTOMER", "EXPIRES", "LAST USED"], cells, "No tokens"),
      );
      return 0;
    },
  });
  verb(parent, {
    usage: "revoke <id>",
    description: "End a token at once",
    examples: ["turnpike token revoke 0a1b2c3d4e5f"],
    run: async ({ api, args, print }) => {
      await api.call("revokeToken", { params: { id: args[0] ?? "" } });
      print({ revoked: args[0] }, `Revoked ${args[0]}`);
      return 0;
    },
  });
}
