import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { ClaimView } from "../../model/api/mod.ts";
import type { ApiClient } from "../api-client.ts";
import { table, verb } from "./verb.ts";

/** Names that wait for a proof. */
export function registerZoneClaims(parent: Command): void {
  verb<{ readonly customer?: string }>(parent, {
    usage: "claims",
    description: "Zones and sites that wait for a proof that their names are the customer's",
    examples: ["turnpike zone claims", "turnpike zone claims --customer shop"],
    options: [["--customer <name>", "only this customer's"]],
    run: async ({ api, flags, print }) => {
      const claims = await listClaims(api, flags.customer);
      const rows = claims.map((c) => [c.name, c.customer, c.kind, c.createdAt, c.checkedAt]);
      print(claims, [
        ...table(
          ["NAME", "CUSTOMER", "KIND", "SINCE", "CHECKED"],
          rows,
          "Nothing waits for a proof",
        ),
        ...claims.flatMap((claim) => ["", ...pendingWords(claim)]),
      ]);
      return 0;
    },
  });
  verb(parent, {
    usage: "prove <name>",
    description: "Look for the proof now; exits 1 while there is none",
    examples: ["turnpike zone prove shop.example"],
    run: async ({ api, args, print }) => {
      const claim = await api.call("checkClaim", { params: await findClaim(api, args[0] ?? "") });
      const proven = claim.state === "proven";
      print(claim, proven ? `Proven: ${claim.name} is served now` : pendingWords(claim));
      return proven ? 0 : 1;
    },
  });
  verb(parent, {
    usage: "unclaim <name>",
    description: "Give a claim up",
    examples: ["turnpike zone unclaim shop.example"],
    run: async ({ api, args, print }) => {
      const params = await findClaim(api, args[0] ?? "");
      await api.call("deleteClaim", { params });
      print(params, `Gave ${params.name} up`);
      return 0;
    },
  });
}

async function listClaims(api: ApiClient, customer?: string): Promise<readonly ClaimView[]> {
  const customers =
    customer === undefined ? (await api.call("listCustomers")).map((c) => c.name) : [customer];
  const lists = await Promise.all(
    customers.map((name) => api.call("listClaims", { params: { customer: name } })),
  );
  return lists.flat();
}

async function findClaim(api: ApiClient, text: string) {
  const name = text.toLowerCase().replace(/\.$/, "");
  const claims = (await listClaims(api)).filter((claim) => claim.name === name);
  const [claim] = claims;
  if (claim === undefined) throw new Fault("not-found", `no claim of ${name}`);
  if (claims.length > 1) throw new Fault("conflict", `several customers claim ${name}`);
  return { customer: claim.customer, name };
}

/** What to set, in the form of a zone file. */
export function pendingWords(claim: ClaimView): string[] {
  const lines = claim.proofs.flatMap(({ name, txt, ns }) => [
    `  ${txt.name}. IN TXT "${txt.value}"`,
    ...(ns === null ? [] : [`or, where ${name} is delegated:`]),
    ...(ns ?? []).map((server) => `  ${name}. IN NS ${server}.`),
  ]);
  return [
    `Pending: ${claim.name} overlaps what another customer has or had. It is served once you have set`,
    ...lines,
    ...(claim.problem === null ? [] : [`Last looked: ${claim.problem}`]),
  ];
}
