import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import type { Command } from "commander";
import { Fault } from "../../base/fault.ts";
import { credentialsPath, keptTokens, verb } from "./verb.ts";

interface Flags {
  readonly email?: string;
  readonly passwordFile?: string;
}

export function registerLogin(program: Command): void {
  verb<Flags>(program, {
    usage: "login",
    description: "Sign in and keep a token for this server, for 90 days",
    examples: [
      "turnpike login --email operator@localhost.example",
      "turnpike login --email you@shop.example --password-file ./password",
      "echo secret | turnpike login --email you@shop.example --server https://cdn.example",
    ],
    options: [
      ["--email <address>", "whose account"],
      ["--password-file <file>", "read the password there; else it is asked for"],
    ],
    run: async ({ api, flags, print }) => {
      const { email, passwordFile } = flags;
      if (email === undefined) throw new Fault("bad-input", "expected --email <address>");
      const password = await readPassword(passwordFile);
      const session = await api.signIn(email, password);
      const body = { name: "turnpike login", days: 90 };
      const { token, expiresAt } = await session.call("createToken", { body });
      await keep(api.server, token);
      const words = `Signed in to ${api.server} until ${expiresAt}`;
      print({ server: api.server, token, expiresAt, kept: credentialsPath() }, words);
      return 0;
    },
  });
}

async function readPassword(file: string | undefined): Promise<string> {
  if (file !== undefined) {
    const text = await readFile(file, "utf8").catch((cause: Error) => {
      throw new Fault("bad-input", `cannot read ${file}: ${cause.message}`, { cause });
    });
    return text.replace(/\r?\n$/, "");
  }
  if (!process.stdin.isTTY) return (await Bun.stdin.text()).replace(/\r?\n$/, "");
  process.stderr.write("Password: ");
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await new Promise((answer) => lines.question("", answer));
  } finally {
    lines.close();
    process.stderr.write("\n");
  }
}

async function keep(server: string, token: string): Promise<void> {
  const path = credentialsPath();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const tokens = { ...keptTokens(), [server]: token };
  await writeFile(path, `${JSON.stringify(tokens, null, 2)}\n`, { mode: 0o600 });
}
