import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { Program } from "./process.ts";

export const ROOT = join(import.meta.dir, "../..");
const MAIN = join(ROOT, "src/cli/main.ts");

/** The program, as a command to start. */
export function turnpikeCommand(...args: readonly string[]): string[] {
  return [process.execPath, MAIN, ...args];
}

/** Starts the program in a process group of its own. */
export function startTurnpike(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Program {
  return new Program(turnpikeCommand(...args), { name: `turnpike ${args[0]}`, cwd: ROOT, env });
}

/** Runs the program to its end. */
export async function runTurnpike(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number | null; output: string }> {
  const program = startTurnpike(args, env);
  const code = await program.ended();
  return { code, output: program.output };
}

let places = 0;

/** Addresses of 127.0.0.0/8 that no other test of this machine uses at this time. */
export function loopback(): (n: number) => string {
  const place = ++places;
  const high = 64 + ((process.pid >> 6) & 63);
  const low = ((process.pid & 63) << 2) | (place & 3);
  return (n) => `127.${high}.${low}.${n}`;
}

/** A folder for one test, with files written as YAML. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), "turnpike-story-"));

  file(name: string, content: unknown): string {
    const path = join(this.path, name);
    writeFileSync(path, typeof content === "string" ? content : stringify(content));
    return path;
  }

  join(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export const OPERATOR = { email: "operator@cdn.example", password: "correct horse battery" };

export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a story reads what the API's own types promise
  readonly body: any;
}

/** The API, spoken with a token of the operator. */
export class Api {
  readonly #url: string;
  #authorization: Readonly<Record<string, string>> = {};

  constructor(url: string) {
    this.#url = `${url.replace(/\/$/, "")}/api/v1`;
  }

  /** Signs in as the operator and makes a token, which is used from then on. */
  async signIn(): Promise<string> {
    const response = await fetch(`${this.#url}/session`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(OPERATOR),
    });
    if (response.status !== 200) throw new Error(`Cannot sign in: received ${response.status}`);
    const cookie = (response.headers.get("set-cookie") ?? "").split(";")[0]!;
    this.#authorization = { cookie, origin: new URL(this.#url).origin };
    const made = await this.call("POST", "/tokens", { name: "story", scope: "write" });
    if (made.status !== 201) throw new Error(`Cannot make a token: ${JSON.stringify(made)}`);
    this.use(made.body.token);
    return made.body.token;
  }

  use(token: string): void {
    this.#authorization = { authorization: `Bearer ${token}` };
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { ...this.#authorization, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      keepalive: false,
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? null : JSON.parse(text) };
  }

  /** Like `call`, but anything else than a 2xx answer throws. */
  async must(method: string, path: string, body?: unknown): Promise<Answer["body"]> {
    const answer = await this.call(method, path, body);
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw new Error(`${method} ${path}: received ${answer.status} ${JSON.stringify(answer.body)}`);
  }
}
