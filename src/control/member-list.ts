import type { Problem } from "../base/result.ts";
import type { Network } from "../model/network.ts";
import type { Change } from "../policy/snapshot/mod.ts";
import type { StoredMember } from "../store/mod.ts";
import { hashPassword, verifyPassword } from "./password.ts";

/** E-mail addresses are compared in lower case: nobody has two accounts by capitals. */
export function emailKey(email: string): string {
  return email.trim().toLowerCase();
}

/** The network with every member's e-mail in one form. */
export function withPlainEmails(network: Network): Network {
  return mapMembers(network, (m) => ({ ...m, email: emailKey(m.email) }));
}

/** The network as it is stored and shown: nobody's password is in it. */
export function withoutPasswords(network: Network): Network {
  return mapMembers(network, ({ password: _, ...member }) => member);
}

type Member = Network["customers"][number]["members"][number];

function mapMembers(network: Network, change: (member: Member) => Member): Network {
  const customers = network.customers.map((customer) => ({
    ...customer,
    members: customer.members.map(change),
  }));
  return { ...network, customers };
}

/** An address signs in to one account only. */
export function checkMembers(network: Network, operatorEmail: string | null): Problem[] {
  const problems: Problem[] = [];
  const owners = new Map<string, string>();
  if (operatorEmail !== null) owners.set(operatorEmail, "the operator");
  for (const [c, customer] of network.customers.entries()) {
    for (const [m, { email }] of customer.members.entries()) {
      const path = `customers.${c}.members.${m}.email`;
      const owner = owners.get(email);
      if (owner === undefined) owners.set(email, `customers.${c}.members.${m}`);
      else {
        const message = `expected an address that nobody signs in with: ${owner} does`;
        problems.push({ path, message, received: email });
      }
    }
  }
  return problems;
}

/**
 * All members with the hashes of new passwords; null where the stored one stays. A password that
 * fits the stored hash is no change, so that applying a file twice changes nothing.
 */
export async function hashMembers(
  network: Network,
  stored: readonly StoredMember[],
): Promise<{ members: StoredMember[]; changes: Change[] }> {
  const before = new Map(stored.map((m) => [m.email, m]));
  const members: StoredMember[] = [];
  const changes: Change[] = [];
  for (const customer of network.customers) {
    for (const { email, role, password } of customer.members) {
      const known = before.get(email)?.passwordHash ?? null;
      let passwordHash: string | null = null;
      if (password !== undefined && !(await verifyPassword(password, known))) {
        passwordHash = await hashPassword(password);
        const path = `customers.${customer.name}.members.${email}.password`;
        changes.push({ action: known === null ? "add" : "change", path });
      }
      members.push({ email, customer: customer.name, role, passwordHash });
    }
  }
  return { members, changes };
}
