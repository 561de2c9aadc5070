import { expect, test } from "bun:test";
import { realClock } from "../../base/real/clock.ts";
import { checkContract, RIGHT_MS, withServer } from "./check.contract.ts";
import { checkLoadObject } from "./load-object.ts";

function run(port: number, timeoutMs: number) {
  const url = new URL(`http://load.example:${port}/load?pool=web`);
  return checkLoadObject({ address: "127.0.0.1", url, timeoutMs, clock: realClock });
}

const BODY = '{"current":30,"target":60}';

checkContract({
  name: "checkLoadObject()",
  run,
  right: (socket) =>
    socket.once("data", () =>
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`),
    ),
  endlessHead: "HTTP/1.1 200 OK\r\n\r\n",
  trickleHead: "HTTP/1.1 200 OK\r\n\r\n",
  lies: {
    "a load below zero": {
      sends: 'HTTP/1.1 200 OK\r\n\r\n{"current":-3,"target":60}',
      verdict: "not a load object",
    },
    "a load without its measure": {
      sends: 'HTTP/1.1 200 OK\r\n\r\n{"current":3}',
      verdict: "not a load object",
    },
    "words for numbers": {
      sends: "HTTP/1.1 200 OK\r\n\r\n<load><current>secret</current></load>",
      verdict: "not a load object",
    },
  },
  verdicts: {
    silent: "timeout",
    garbage: "not http",
    endless: "too large",
    endlessGarbage: "not http",
    hangsUp: "not http",
    resets: "reset",
    trickles: "timeout",
  },
});

test("checkLoadObject() tells the load, or what is wrong with the object", async () => {
  const answer = (text: string) =>
    withServer(
      (socket) => socket.once("data", () => socket.end(text)),
      (port) => run(port, RIGHT_MS),
    );
  const good = await answer(`HTTP/1.1 200 OK\r\n\r\n${BODY}`);
  const detail = "current 30, target 60";
  expect(good.loads).toEqual([{ kind: "reported", load: 0.5, detail }]);
  expect((await answer("HTTP/1.1 200 OK\r\n\r\nsecret")).failure).toBe("not a load object");
  expect((await answer(`HTTP/1.1 500 X\r\n\r\n${BODY}`)).failure).toBe("status 500");
});
