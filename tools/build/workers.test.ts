import { expect, test } from "bun:test";
import { source } from "../tidy/source.ts";
import { workersOf } from "./workers.ts";

test("workersOf() finds the file of each Worker once, and none in comments", () => {
  const files = [
    source("src/dns/udp.ts", 'new Worker(new URL("./udp-worker.ts", import.meta.url).href);'),
    source("src/dns/again.ts", 'new Worker(\n  new URL("./udp-worker.ts", import.meta.url),\n);'),
    source("src/control/close.ts", 'new Worker("./month-worker.ts"); // new Worker("./no.ts")'),
  ];
  expect(workersOf(files)).toEqual(["src/control/month-worker.ts", "src/dns/udp-worker.ts"]);
});
