import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { CredentialPut } from "../../model/api/mod.ts";
import { onlyCustomer } from "./find-customer.ts";
import { noun, table, verb } from "./verb.ts";

interface Flags {
  readonly customer?: string;
}

interface AddFlags extends Flags {
  readonly certificate?: string;
  readonly privateKey?: string;
  readonly accessKey?: string;
  readonly from?: string;
}

const CUSTOMER = ["--customer <name>", "whose; default: the only one that you may see"] as const;

/** The commands of what caches show to web servers. */
export function registerCredentials(program: Command): void {
  const parent = noun(program, "credential", "What caches show to your web servers");
  verb<AddFlags>(parent, {
    usage: "add <name>",
    description:
      "Keep a credential, or put another in its place; a value that is made is printed once",
    examples: [
      "turnpike credential add autumn --customer shop > autumn.secret",
      "turnpike credential add edge --certificate edge.pem --private-key edge.key",
      "turnpike credential add bucket --access-key AKIAEXAMPLE --from secret.txt",
    ],
    options: [
      CUSTOMER,
      ["--certificate <file>", "a client certificate and those above it, PEM"],
      ["--private-key <file>", "its private key, PEM"],
      ["--access-key <id>", "the id of a key of an S3-compatible store"],
      ["--from <file>", "where the value, or the secret access key, stands; - is standard input"],
    ],
    run: async ({ api, args, flags, print }) => {
      const params = { customer: await onlyCustomer(api, flags.customer), name: args[0] ?? "" };
      const made = await api.call("putCredential", { params, body: await bodyOf(flags) });
      print(made, made.value ?? `Kept ${made.name}`);
      return 0;
    },
  });
  verb<Flags>(parent, {
    usage: "list",
    description: "Credentials, without their secrets, and the sites that name them",
    examples: ["turnpike credential list --customer shop"],
    options: [CUSTOMER],
    run: async ({ api, flags, print }) => {
      const customer = await onlyCustomer(api, flags.customer);
      const rows = await api.call("listCredentials", { params: { customer } });
      const cells = rows.map((c) => [c.name, c.kind, c.madeAt, c.about, c.sites.join(", ")]);
      print(rows, table(["NAME", "KIND", "MADE", "ABOUT", "SITES"], cells, "No credentials"));
      return 0;
    },
  });
  verb<Flags>(parent, {
    usage: "remove <name>",
    description: "Remove a credential: sites that need it are not fetched from then on",
    examples: ["turnpike credential remove summer --customer shop"],
    options: [CUSTOMER],
    run: async ({ api, args, flags, print }) => {
      const params = { customer: await onlyCustomer(api, flags.customer), name: args[0] ?? "" };
      await api.call("deleteCredential", { params });
      print({ removed: params.name }, `Removed ${params.name}`);
      return 0;
    },
  });
}

async function bodyOf(flags: AddFlags): Promise<CredentialPut> {
  const { certificate, privateKey, accessKey, from } = flags;
  if (certificate !== undefined || privateKey !== undefined) {
    const files = {
      certificate: read("--certificate", certificate),
      privateKey: read("--private-key", privateKey),
    };
    return { kind: "certificate", ...files };
  }
  const text =
    from === "-" ? await Bun.stdin.text() : from === undefined ? null : read("--from", from);
  const value = text?.trim();
  if (accessKey !== undefined) return { kind: "access-key", id: accessKey, secret: value ?? "" };
  return value === undefined ? { kind: "value" } : { kind: "value", value };
}

function read(path: string, file = ""): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const received = file === "" ? "nothing" : file;
    const problem = { path, message: "expected a file that can be read", received };
    throw new Fault("bad-input", "", { cause, problems: [problem] });
  }
}
