/** A certificate for each of many names at one listener: each is shown, and many cost a handshake no more. */
import { afterAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "node:tls";
import { type NamesTold, nameOf } from "../lab/tls-names.ts";

const PROGRAM = join(import.meta.dir, "../lab/tls-names.ts");
const HOST = "127.73.8.1";
const NAMES = Number(process.env.TURNPIKE_NAMES ?? 400);
const HANDSHAKES = Number(process.env.TURNPIKE_HANDSHAKES ?? 150);
const ROUNDS = 4;
setDefaultTimeout(60_000 + NAMES * 50);

/** A listener with so many names, and ways to talk to its process. */
class Many {
  readonly #child;
  readonly #reader;
  #text = "";

  constructor(count: number) {
    this.#child = Bun.spawn([process.execPath, PROGRAM, HOST, String(count)], {
      ...{ stdin: "pipe", stdout: "pipe", stderr: "inherit" },
    });
    this.#reader = this.#child.stdout.getReader();
  }

  async heard(): Promise<NamesTold> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return JSON.parse(line) as NamesTold;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("The listener has ended");
      this.#text += Buffer.from(value).toString();
    }
  }

  async say(line: string): Promise<NamesTold> {
    this.#child.stdin.write(`${line}\n`);
    await this.#child.stdin.flush();
    return this.heard();
  }

  async stop(): Promise<void> {
    this.#child.kill();
    await this.#child.exited;
  }
}

const started: Many[] = [];
afterAll(async () => {
  for (const one of started) await one.stop();
});

/** The first DNS name and the serial number that a handshake shows. */
function shown(port: number, servername: string): Promise<readonly [string, string]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: HOST, port, servername, rejectUnauthorized: false }, () => {
      const { subjectaltname = "", serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      resolve([subjectaltname, serialNumber]);
    });
    socket.on("error", reject);
  });
}

/** CPU of the listener for each of so many handshakes with names all over, us. */
async function cpuOf(many: Many, count: number): Promise<number> {
  const { port, cpuMicros } = await many.say("told");
  for (let n = 0; n < HANDSHAKES; n++) {
    const name = nameOf((n * 7919) % count);
    expect(await shown(port, name)).toEqual([`DNS:${name}`, expect.any(String)]);
  }
  return ((await many.say("told")).cpuMicros - cpuMicros) / HANDSHAKES;
}

test("each of many names gets its own certificate, by a handshake that costs what it does with one", async () => {
  const [one, many] = [new Many(1), new Many(NAMES)];
  started.push(one, many);
  await one.heard();
  const opened = await many.heard();
  // In turn, and the least of each: whatever else this machine does makes one round dearer, not cheaper.
  const costs = { one: Number.POSITIVE_INFINITY, many: Number.POSITIVE_INFINITY };
  for (let round = 0; round < ROUNDS; round++) {
    costs.one = Math.min(costs.one, await cpuOf(one, 1));
    costs.many = Math.min(costs.many, await cpuOf(many, NAMES));
  }
  expect(costs.many).toBeLessThan(costs.one * 3);
  // One among them changes, and nothing is shown but what was before and after.
  const middle = Math.floor(NAMES / 2);
  const name = nameOf(middle);
  const [, before] = await shown(opened.port, name);
  // The first change has drained by now: each opening has its share of time.
  const from = performance.now();
  let changed = await many.say(`change ${middle}`);
  for (;;) {
    const [names, serial] = await shown(opened.port, name);
    expect(names).toBe(`DNS:${name}`);
    if (serial !== before) break;
    expect(performance.now() - from).toBeLessThan(120_000);
    await Bun.sleep(20);
  }
  const rotationMs = Math.round(performance.now() - from);
  changed = await many.say("told");
  expect((await shown(opened.port, nameOf(0)))[0]).toBe(`DNS:${nameOf(0)}`);
  const evidence = process.env.TURNPIKE_EVIDENCE;
  if (evidence === undefined) return;
  const figures = {
    ...{ names: NAMES, handshakes: HANDSHAKES * ROUNDS },
    openMs: Math.round(opened.openMs),
    memoryBytes: opened.rssBytes,
    memoryAfterRotationBytes: changed.rssBytes,
    cpuMicrosWithOne: Math.round(costs.one),
    cpuMicrosWithAll: Math.round(costs.many),
    ...{ rotationOfOneMs: rotationMs, loopStoodMs: Math.round(changed.openMs) },
  };
  writeFileSync(evidence, `${JSON.stringify(figures, null, 2)}\n`);
});
