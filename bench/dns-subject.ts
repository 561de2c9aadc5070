// Servers that bench/dns.ts puts under load: ours in a process of its own, and peers.
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeMessage, encodeMessage, isWireFault, makeQuery } from "../src/wire/dns/mod.ts";
import { type Peer, versionOf } from "./dns-peers.ts";
import { compileWorld, type DnsWorld, hostnames } from "./dns-world.ts";

const READY_MS_MAX = 60_000;
const SERVER_CORE = "0";
/** A cookie of a client's (RFC 7873). */
const CLIENT_COOKIE = "0102030405060708";
const COOKIE_CODE = 10;
const COOKIE_BYTES_MIN = 16;
const HEADER_BYTES = 12;

/** A server that runs, and what it is asked. */
export interface Subject {
  readonly name: string;
  readonly ours: boolean;
  readonly port: number;
  readonly child: ChildProcess;
  /** A file of dnsperf's. */
  readonly queries: string;
  /** Of dnsperf. */
  readonly flags: readonly string[];
}

/** Where servers have their files, those that run, and peers that did not. */
export interface Stage {
  readonly dir: string;
  readonly started: Subject[];
  readonly missing: string[];
}

/** What one of our servers is to be like. */
export interface Ours extends DnsWorld {
  readonly name: string;
  readonly ours?: boolean;
  readonly flags?: readonly string[];
  /** Default `loads`; see dns-server.ts. */
  readonly health?: "still" | "loads" | "falls";
}

/** Names in a mixed order that is the same each time. */
export function queryFile(dir: string, names: number): string {
  const path = join(dir, `queries-${names}.txt`);
  if (existsSync(path)) return path;
  const all = hostnames(names);
  const order = all.map((_, i) => all[Number((BigInt(i) * 7919n) % BigInt(names))]!);
  writeFileSync(path, `${order.map((name) => `${name} A`).join("\n")}\n`);
  return path;
}

export async function startOurs(stage: Stage, about: Ours): Promise<void> {
  const { dir } = stage;
  const { names, prefixes, signed = false, health = "loads" } = about;
  const script = join(import.meta.dir, "dns-server.ts");
  const file = join(dir, `snapshot-${names}-${prefixes}-${signed}.json`);
  if (!existsSync(file)) writeFileSync(file, JSON.stringify(compileWorld(about)));
  const args = [script, file, signed ? "signed" : "plain", health];
  const child = spawnPinned(process.execPath, args, "/dev/null");
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout!.once("data", (line: Buffer) => resolve(Number(line)));
    child.once("exit", (code) => reject(new Error(`our server ended with ${code}`)));
  });
  const { name, ours = true, flags = [] } = about;
  const subject = { name, ours, port, child, queries: queryFile(dir, names), flags };
  stage.started.push(subject);
  await ready(subject);
}

/** Starts a peer if it is installed; what keeps it from running is noted. */
export async function startPeer(
  stage: Stage,
  peer: Peer,
  o: { readonly port: number; readonly names: number; readonly flags?: readonly string[] },
): Promise<void> {
  const { dir, started, missing } = stage;
  const { port, names, flags = [] } = o;
  const name = versionOf(peer);
  if (name === null) {
    missing.push(`${peer.name}: not installed`);
    return;
  }
  const own = join(dir, `${peer.name}-${port}`);
  let subject: Subject | undefined;
  try {
    const args = peer.prepare(own, port);
    const child = spawnPinned(peer.binary, args, join(dir, `${peer.name}-${port}.out`));
    subject = { name, ours: false, port, child, queries: queryFile(dir, names), flags };
    await ready(subject);
    started.push(subject);
  } catch (error) {
    missing.push(`${peer.name}, ${names} names: ${String(error)}`);
    if (subject !== undefined) await end([subject]);
  }
}

function spawnPinned(binary: string, args: readonly string[], out: string): ChildProcess {
  const child = spawn("taskset", ["-c", SERVER_CORE, binary, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const file = createWriteStream(out);
  child.stderr!.pipe(file);
  if (!binary.includes("bun")) child.stdout!.pipe(file);
  return child;
}

/** Asks until an answer comes. */
async function ready(subject: Subject): Promise<void> {
  const query = encodeMessage(makeQuery(1, hostnames(1)[0]!, 1))!;
  await askUntil(subject, query, (data) => {
    const message = decodeMessage(data);
    return !isWireFault(message) && message.answers.length > 0;
  });
}

/** The same with a cookie that this server gave us, as a client has it that asked before. */
export async function withCookie(subject: Subject): Promise<Subject> {
  const plain = encodeMessage(makeQuery(1, hostnames(1)[0]!, 1))!;
  const question = plain.subarray(0, plain.indexOf(0, HEADER_BYTES) + 5);
  const option = Buffer.from(
    `0000290400000000 00 000c 000a 0008 ${CLIENT_COOKIE}`.replace(/ /g, ""),
    "hex",
  );
  const query = Buffer.concat([question, option]);
  query.writeUInt16BE(1, HEADER_BYTES - 2);
  const own = Buffer.from(CLIENT_COOKIE, "hex");
  // Before it stand the option's code and length: 8 octets and at least 8 of the server's.
  const found = (data: Buffer) => data.readUInt16BE(data.indexOf(own) - 2);
  const answer = Buffer.from(
    await askUntil(subject, query, (data) => data.includes(own) && found(data) >= COOKIE_BYTES_MIN),
  );
  const at = answer.indexOf(own);
  const cookie = answer.subarray(at, at + found(answer)).toString("hex");
  return { ...subject, flags: [...subject.flags, "-E", `${COOKIE_CODE}:${cookie}`] };
}

async function askUntil(
  subject: Subject,
  query: Uint8Array,
  isRight: (data: Buffer) => boolean,
): Promise<Uint8Array> {
  const answered = Promise.withResolvers<Uint8Array>();
  const socket = await Bun.udpSocket({
    connect: { hostname: "127.0.0.1", port: subject.port },
    socket: {
      // Nobody listens yet.
      error: () => {},
      data: (_socket, data) => {
        if (isRight(data)) answered.resolve(data.slice());
      },
    },
  });
  const timer = setInterval(() => socket.send(query), 50);
  const limit = setTimeout(() => answered.reject(new Error("it did not answer")), READY_MS_MAX);
  const onExit = (code: number | null) => answered.reject(new Error(`it ended with ${code}`));
  subject.child.once("exit", onExit);
  try {
    return await answered.promise;
  } finally {
    clearInterval(timer);
    clearTimeout(limit);
    subject.child.off("exit", onExit);
    socket.close();
  }
}

export async function end(subjects: readonly Subject[]): Promise<void> {
  await Promise.all(
    subjects.map(async ({ child }) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
      await exited;
      clearTimeout(timer);
    }),
  );
}
