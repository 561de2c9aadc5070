import { afterAll, beforeAll, expect, test } from "bun:test";
import { serialOf } from "../lab/ask.ts";
import { type Program, until } from "../lab/process.ts";
import {
  childOf,
  PORTS,
  SITE,
  smallNetwork,
  smallNode,
  upArgs,
  ZONE,
} from "../lab/small-network.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";

const folder = new Folder();
const at = loopback();
const NODE = { host: at(1), port: PORTS.dns };
const data = folder.join("data");
const api = new Api(`http://${at(1)}:${PORTS.control}`);
let running: Program;

beforeAll(async () => {
  running = startTurnpike(upArgs(folder, "whole", smallNode({ address: at(1), data })));
  await running.says("ready");
  await api.signIn();
  const network = smallNetwork({ address: at(1), origins: [at(2)] });
  await api.must("POST", "/apply", { network });
  await until(answers, { what: "the first answer" });
}, 60_000);

afterAll(async () => {
  await running?.stop();
  folder.remove();
});

async function answers(): Promise<boolean> {
  return (await serialOf(NODE, ZONE, 300)) > 0;
}

const child = (wanted: "control" | "node") => childOf(running.pid, data, wanted);

test("the control process killed: names are answered without a gap, and it comes back", async () => {
  const before = child("control");
  process.kill(before, "SIGKILL");
  let unanswered = 0;
  // A machine that stands still answers late, and not never.
  const serial = () => serialOf(NODE, ZONE, 5_000).catch(() => 0);
  const back = async () => {
    if ((await serial()) === 0) unanswered++;
    return (await api.call("GET", "/snapshots").catch(() => null))?.status === 200;
  };
  await until(back, { what: "control to come back" });
  expect(unanswered).toBe(0);
  expect(child("control")).not.toBe(before);
  const older = await serial();
  await api.must("PATCH", `${SITE}/origins/o1`, { weight: 2 });
  const newer = async () => (await serial()) > older;
  await until(newer, { what: "a change made after it" });
});

test("the process of name server and cache killed: it comes back with the newest snapshot", async () => {
  const serial = await serialOf(NODE, ZONE);
  process.kill(child("node"), "SIGKILL");
  await until(async () => !(await answers().catch(() => false)), { what: "it to be gone" });
  await api.must("PATCH", `${SITE}/origins/o1`, { weight: 3 });
  const newer = async () => (await serialOf(NODE, ZONE, 300)) > serial;
  await until(newer, { what: "the name server to come back with what was changed meanwhile" });
});
