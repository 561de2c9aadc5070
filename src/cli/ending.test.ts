import { expect, test } from "bun:test";
import { FakeClock } from "../base/clock.ts";
import { untilSignal } from "./ending.ts";

function standIn() {
  const heard = new Map<string, () => void>();
  const exits: number[] = [];
  return {
    signals: {
      on: (signal: string, handler: () => void) => heard.set(signal, handler),
      exit: (code: number) => exits.push(code),
    },
    send: (signal: string) => heard.get(signal)?.(),
    exits,
  };
}

test("one Ctrl-C that arrives twice, by its group and by a parent, ends in order", async () => {
  const clock = new FakeClock();
  const { signals, send, exits } = standIn();
  const ended = untilSignal(clock, signals);
  send("SIGINT");
  clock.advance(500);
  send("SIGTERM");
  await ended;
  expect(exits).toEqual([]);
});

test("whoever asks again does not wait: the process ends at once, with code 130", async () => {
  const clock = new FakeClock();
  const { signals, send, exits } = standIn();
  const ended = untilSignal(clock, signals);
  send("SIGHUP");
  await ended;
  clock.advance(501);
  send("SIGINT");
  expect(exits).toEqual([130]);
});
