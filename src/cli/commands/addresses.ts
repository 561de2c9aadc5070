import { createPublicKey, verify } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { Problem } from "../../base/result.ts";
import {
  type AddressList,
  addressList,
  type SignedAddresses,
  signedAddresses,
} from "../../model/api/mod.ts";
import { verb } from "./verb.ts";

interface Flags {
  readonly verify?: string;
  readonly key?: string;
  readonly after?: string;
}

/** SPKI of an Ed25519 key (RFC 8410 4), up to its 32 bytes. */
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

export function registerAddresses(program: Command): void {
  verb<Flags>(program, {
    usage: "addresses",
    description: "The addresses from which caches and probes ask web servers, signed",
    examples: [
      "turnpike addresses --json > addresses.json",
      "turnpike addresses --verify addresses.json --key GzVh...= --after 41",
    ],
    options: [
      ["--verify <file>", "check a list that was kept or received, without asking anybody"],
      ["--key <base64>", "the network's public key: whatever is signed by another is refused"],
      ["--after <number>", "refuse a list that is not newer than this one"],
    ],
    run: async ({ api, flags, print }) => {
      const { verify: path } = flags;
      const signed = path === undefined ? await api.call("readAddresses", {}) : await kept(path);
      const list = verifyAddresses(signed, flags);
      const addresses = list.nodes.flatMap(({ v4, v6 }) => [v4 ?? [], v6 ?? []].flat());
      print(signed, addresses);
      return 0;
    },
  });
}

async function kept(path: string): Promise<SignedAddresses> {
  try {
    return signedAddresses.parse(JSON.parse(await readFile(path, "utf8")));
  } catch (cause) {
    throw refused(
      [{ path: "--verify", message: "expected a signed list of addresses", received: path }],
      cause,
    );
  }
}

/**
 * The list, once its signature is found to be right, by the key given where there is one.
 *
 * @throws Fault `bad-input` with all that is wrong
 */
export function verifyAddresses(
  signed: SignedAddresses,
  o: { readonly key?: string; readonly after?: string } = {},
): AddressList {
  const problems: Problem[] = [];
  const add = (path: string, message: string, received: string) => {
    problems.push({ path, message, received });
  };
  if (o.key !== undefined && o.key !== signed.key) {
    add("key", `expected the key ${o.key}`, signed.key);
  }
  if (!isSigned(signed)) add("signature", "expected a signature of the payload", signed.signature);
  const list = problems.length === 0 ? addressList.parse(JSON.parse(signed.payload)) : null;
  if (list !== null && o.after !== undefined && !(list.number > Number(o.after))) {
    add("number", `expected a list after ${o.after}`, String(list.number));
  }
  if (problems.length > 0 || list === null) throw refused(problems);
  return list;
}

function isSigned({ payload, key, signature }: SignedAddresses): boolean {
  const raw = Buffer.from(key, "base64");
  if (raw.length !== 32) return false;
  const der = Buffer.concat([SPKI_HEAD, raw]);
  const publicKey = createPublicKey({ key: der, format: "der", type: "spki" });
  return verify(null, Buffer.from(payload), publicKey, Buffer.from(signature, "base64"));
}

function refused(problems: readonly Problem[], cause?: unknown): Fault {
  return new Fault("bad-input", "", {
    problems,
    ...(cause === undefined ? {} : { cause }),
  });
}
