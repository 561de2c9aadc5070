/**
 * A process that shares a port, for tests: `shared-port.fixture.ts FOLDER HOST PORT`. Lines on standard input:
 * `open G` opens a listener of that generation, `leave` closes the one before; it answers with its pid and
 * its generation, and says each line again when it is done.
 */
import { listenAt } from "../listen.ts";
import type { SharedListener } from "../port-turns.ts";
import { SharedPort } from "./shared-port.ts";

const [folder = "", host = "", port = "0"] = process.argv.slice(2);
const shared = new SharedPort(folder, "test");
const open: { server: ReturnType<typeof listenAt>; listener: SharedListener }[] = [];

for await (const line of console) {
  const [act, number] = line.split(" ");
  while (
    shared.take((turn) => (act === "open" ? begin(turn, Number(number)) : end(turn))) === null
  );
  console.log(line);
}

function begin(turn: Parameters<Parameters<SharedPort["force"]>[0]>[0], generation: number): void {
  const words = JSON.stringify({ pid: process.pid, generation });
  const { opened, listener } = turn.open({ host, generation }, () =>
    listenAt(() => new Response(words), { hostname: host, port: Number(port), beside: true }),
  );
  open.push({ server: opened, listener });
}

function end(turn: Parameters<Parameters<SharedPort["force"]>[0]>[0]): void {
  const first = open.shift();
  if (first === undefined) return;
  turn.leave([first.listener]);
  void first.server.stop();
}
