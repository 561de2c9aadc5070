import { expect, test } from "bun:test";
import { readJunit } from "./junit.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="5" assertions="1" failures="1" skipped="3" time="0.004">
  <testsuite name="a.test.ts" file="a.test.ts" tests="5" failures="1" skipped="2" time="0.001">
    <testcase name="peers &amp; we agree [skipped: no nginx]" time="0" file="a.test.ts" line="2">
      <skipped />
    </testcase>
    <testcase name="b" time="0.01" file="a.test.ts"><failure message="x">x</failure></testcase>
    <testcase name="c" time="0.01" file="a.test.ts" assertions="0" />
    <testcase name="t" time="0" file="a.test.ts">
      <skipped message="TODO" />
    </testcase>
    <testcase name="bare" time="0" file="a.test.ts">
      <skipped />
    </testcase>
  </testsuite>
</testsuites>
`;

test("readJunit() counts, and takes a skip's reason out of its name", () => {
  expect(readJunit(REPORT)).toEqual({
    passed: 1,
    failed: 1,
    skipped: [
      { name: "a.test.ts: peers & we agree", reason: "no nginx" },
      { name: "a.test.ts: t", reason: "to do" },
      { name: "a.test.ts: bare", reason: "no reason given" },
    ],
  });
});

test("readJunit() takes a report that was cut off for none", () => {
  expect(readJunit(REPORT.slice(0, 400))).toBeNull();
  expect(readJunit("")).toBeNull();
});
