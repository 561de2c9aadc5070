import type { Command } from "commander";
import type { TsigUse } from "../../model/zone-extras.ts";
import { onlyCustomer } from "./find-customer.ts";
import { findZone, zoneChangedWords } from "./find-zone.ts";
import { noun, table, verb } from "./verb.ts";

interface KeyFlags {
  readonly customer?: string;
  readonly for?: TsigUse;
  readonly algorithm?: "hmac-sha256" | "hmac-sha512";
}

const CUSTOMER = ["--customer <name>", "whose key it is"] as const;

/** `turnpike zone transfer`: who may fetch a zone. */
export function registerZoneTransfer(parent: Command): void {
  verb<{ readonly key?: string; readonly off?: boolean }>(parent, {
    usage: "transfer <zone> [address...]",
    description: "Let secondaries fetch a zone with a TSIG key, and tell them when it changes",
    examples: [
      "turnpike zone transfer shop.example 192.0.2.53 198.51.100.53:5353 --key xfr",
      "turnpike zone transfer shop.example --off",
    ],
    options: [
      ["--key <name>", "a key made by `tsig create --for transfer`"],
      ["--off", "refuse transfers of the zone again"],
    ],
    run: async ({ api, args, flags, print }) => {
      const [zone = "", ...to] = args;
      const params = await findZone(api, zone);
      const body = { key: flags.key ?? "", to };
      const done =
        flags.off === true
          ? await api.call("deleteTransfer", { params })
          : await api.call("putTransfer", { params, body });
      print(done, zoneChangedWords(done));
      return 0;
    },
  });
}

/** `turnpike tsig`: keys that sign transfers and updates. */
export function registerTsig(program: Command): void {
  const parent = noun(program, "tsig", "Keys that sign zone transfers and DNS updates");
  verb<KeyFlags>(parent, {
    usage: "create <key>",
    description: "Make a key; its secret is shown only now",
    examples: [
      "turnpike tsig create xfr --customer shop --for transfer",
      "turnpike tsig create certs --customer shop --for acme --algorithm hmac-sha512",
    ],
    options: [
      CUSTOMER,
      ["--for <use>", "transfer, or acme: to set _acme-challenge TXT records", "transfer"],
      ["--algorithm <name>", "hmac-sha256 or hmac-sha512", "hmac-sha256"],
    ],
    run: async ({ api, args, flags, print }) => {
      const params = { customer: await onlyCustomer(api, flags.customer) };
      const { for: use = "transfer", algorithm = "hmac-sha256" } = flags;
      const made = await api.call("createTsigKey", {
        params,
        body: { key: args[0] ?? "", use, algorithm },
      });
      print(made, [
        `key "${made.name}" {`,
        `  algorithm ${made.algorithm};`,
        `  secret "${made.secret}";`,
        "};",
      ]);
      return 0;
    },
  });
  verb<KeyFlags>(parent, {
    usage: "list",
    description: "Keys, without their secrets",
    examples: ["turnpike tsig list --customer shop"],
    options: [CUSTOMER],
    run: async ({ api, flags, print }) => {
      const params = { customer: await onlyCustomer(api, flags.customer) };
      const keys = await api.call("listTsigKeys", { params });
      const rows = keys.map((key) => [key.key, key.name, key.use, key.algorithm, key.createdAt]);
      print(keys, table(["KEY", "NAME", "FOR", "ALGORITHM", "SINCE"], rows, "No keys"));
      return 0;
    },
  });
  verb<KeyFlags>(parent, {
    usage: "delete <key>",
    description: "Take a key back: what it signs is refused at once",
    examples: ["turnpike tsig delete xfr --customer shop"],
    options: [CUSTOMER],
    run: async ({ api, args, flags, print }) => {
      const params = { customer: await onlyCustomer(api, flags.customer), key: args[0] ?? "" };
      await api.call("deleteTsigKey", { params });
      print(params, `Took ${params.key} back`);
      return 0;
    },
  });
}
