import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import type { Problem } from "../../base/result.ts";
import { canonicalPath } from "../../policy/caching/mod.ts";
import { type Grant, SECRET_BYTES_MIN, signToken, TOKEN_NAME } from "../../policy/rules/mod.ts";
import { formatPrefix, parsePrefix } from "../../wire/ip/mod.ts";
import { verb } from "./verb.ts";

export interface SignFlags {
  readonly key?: string;
  readonly secretFile?: string;
  readonly site?: string;
  readonly ttl: string;
  readonly from?: string;
  readonly client?: string;
  readonly under?: string;
  readonly data?: string;
  readonly cookie?: boolean;
}

export function registerSign(program: Command): void {
  verb<SignFlags>(program, {
    usage: "sign <url>",
    description: "Print an address with a signature, or the cookie, without asking anybody",
    examples: [
      "turnpike sign https://www.shop.example/films/a.mp4 --key autumn --secret-file autumn.secret",
      "turnpike sign http://c.cdn.example/www.shop.example/a.png --site www.shop.example --key autumn",
      "turnpike sign https://www.shop.example/ --under /films/ --cookie --ttl 86400 --key autumn",
    ],
    options: [
      ["--key <name>", "the key's name"],
      [
        "--secret-file <file>",
        "its secret in base64, as key add printed it (TURNPIKE_SIGNING_SECRET)",
      ],
      ["--site <hostname>", "the site; default: the address's host"],
      ["--ttl <seconds>", "how long it holds", "3600"],
      ["--from <time>", "since when, ISO 8601; default: now"],
      ["--client <prefix>", "only for these clients"],
      ["--under <path>", "for all that lies under this path"],
      ["--data <words>", "words of your own, signed too"],
      ["--cookie", "print the cookie instead"],
    ],
    run: async ({ args, flags, print }) => {
      const file = flags.secretFile;
      const text = file === undefined ? process.env.TURNPIKE_SIGNING_SECRET : readText(file);
      const signed = signUrl(args[0] ?? "", flags, { secret: text ?? "", nowMs: Date.now() });
      print(signed, flags.cookie === true ? signed.cookie : signed.url);
      return 0;
    },
  });
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const problem = { path: "--secret-file", message: "expected a readable file", received: path };
    throw new Fault("bad-input", "", { cause, problems: [problem] });
  }
}

/** @throws Fault `bad-input` with every problem */
export function signUrl(
  address: string,
  flags: SignFlags,
  o: { readonly secret: string; readonly nowMs: number },
): { readonly url: string; readonly cookie: string; readonly until: string } {
  const problems: Problem[] = [];
  const expect = (holds: boolean, path: string, message: string, received: string) => {
    if (!holds) problems.push({ path, message: `expected ${message}`, received });
  };
  const url = URL.parse(address);
  expect(
    url !== null && /^https?:$/.test(url.protocol),
    "<url>",
    "an http or https address",
    address,
  );
  expect(flags.key !== undefined, "--key", "the name of a key", "nothing");
  const secret = Buffer.from(o.secret.trim(), "base64");
  const long = secret.length >= SECRET_BYTES_MIN;
  expect(long, "--secret-file", "a secret of 32 bytes or more in base64", `${secret.length} bytes`);
  expect(/^[1-9]\d{0,8}$/.test(flags.ttl), "--ttl", "a number of seconds", flags.ttl);
  const fromMs = flags.from === undefined ? o.nowMs : Date.parse(flags.from);
  expect(Number.isFinite(fromMs), "--from", "a time in ISO 8601", flags.from ?? "");
  const prefix = flags.client === undefined ? null : parsePrefix(flags.client);
  const isClient = flags.client === undefined || prefix !== null;
  expect(isClient, "--client", "an address or a prefix", flags.client ?? "");
  const under = flags.under ?? "";
  expect(/^(\/|$)/.test(under), "--under", "a path that begins with a slash", under);
  if (problems.length > 0 || url === null) throw new Fault("bad-input", "", { problems });
  const fromSec = Math.floor(fromMs / 1000);
  const grant: Grant = {
    ...{ key: flags.key ?? "", fromSec, untilSec: fromSec + Number(flags.ttl) },
    prefix: prefix === null ? null : formatPrefix(prefix),
    // As a client sends it: what needs it percent-encoded.
    ...{ scope: under === "" ? "path" : "prefix", under: canonicalPath(under) ?? under },
    data: flags.data ?? "",
  };
  const hmac = (key: Uint8Array, message: Uint8Array) =>
    createHmac("sha256", key).update(message).digest();
  const token = signToken(grant, placeOf(url, flags.site), { secret, hmac });
  const query = `${url.search === "" ? "?" : `${url.search}&`}${TOKEN_NAME}=${token}`;
  return {
    url: `${url.origin}${url.pathname}${query}`,
    cookie: `${TOKEN_NAME}=${token}`,
    until: new Date(grant.untilSec * 1000).toISOString(),
  };
}

/** The site and what the signature is about: at the shared name the first segment is the site. */
function placeOf(url: URL, site: string | undefined): { hostname: string; path: string } {
  const hostname = site ?? url.hostname;
  const shared = `/${hostname}/`;
  const inPath = url.hostname.startsWith("c.") && url.pathname.startsWith(shared);
  const path = inPath ? url.pathname.slice(shared.length - 1) : url.pathname;
  return { hostname, path: canonicalPath(`${path}${url.search}`) ?? path };
}
