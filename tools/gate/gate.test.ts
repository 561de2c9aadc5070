import { afterEach, beforeEach, expect, spyOn, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Gate } from "./gate.ts";

let root = "";
let said = "";
let spy: { mockRestore(): void };

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "turnpike-gate-"));
  said = "";
  spy = spyOn(process.stdout, "write").mockImplementation((part) => {
    said += String(part);
    return true;
  });
});

afterEach(() => {
  spy.mockRestore();
  rmSync(root, { recursive: true, force: true });
});

/** Runs one test file of this text as a group and returns the exit code of the gate. */
async function runText(text: string, limitSec = 20): Promise<number> {
  writeFileSync(join(root, "a.test.ts"), `import { expect, test } from "bun:test";\n${text}`);
  const gate = new Gate(root);
  await gate.groups([{ name: "a", files: ["a.test.ts"], limitSec, testLimitSec: 10 }]);
  return gate.close();
}

function lastLine(): string {
  return said.trimEnd().split("\n").at(-1)!;
}

test("Gate counts passes, failures and skips, and says why one was skipped", async () => {
  const text = [
    'test("b", () => {});',
    'test("c", () => expect(1).toBe(2));',
    'test.skip("d [skipped: no nginx]", () => {});',
  ].join("\n");
  expect(await runText(text)).toBe(1);
  expect(said).toContain("skip  a.test.ts: d: no nginx\n");
  expect(said).toContain("Expected: 2");
  expect(lastLine()).toBe("1 passed, 1 failed, 1 skipped");
});

test("Gate ends with 0 when nothing failed", async () => {
  expect(await runText('test("b", () => {});')).toBe(0);
  expect(lastLine()).toBe("1 passed, 0 failed, 0 skipped");
});

test("Gate counts a process that leaves in the middle as failed, whatever its exit code", async () => {
  expect(await runText('test("b", () => process.exit(0));\ntest("c", () => {});')).toBe(1);
  expect(lastLine()).toBe("0 passed, 1 failed, 0 skipped");
});

test("Gate counts a group that leaves a folder as failed, and removes the folder", async () => {
  const make = 'mkdtempSync(join(tmpdir(), "turnpike-left-"))';
  const text = [
    'import { existsSync, mkdtempSync, rmSync } from "node:fs";',
    'import { tmpdir } from "node:os";',
    'import { join } from "node:path";',
    `test("b", () => { rmSync(${make}, { recursive: true, force: true }); });`,
  ].join("\n");
  expect(await runText(text)).toBe(0);
  expect(await runText(`${text}\ntest("c", () => { console.log(\`at ${"$"}{${make}}\`); });`)).toBe(
    1,
  );
  const at = /at (\/\S+turnpike-left-\w+)/.exec(said)?.[1] ?? "";
  expect(said).toContain("it left turnpike-left-");
  expect(existsSync(at)).toBe(false);
});

test("Gate does not count what a group leaves once and not again", async () => {
  const once = join(root, "once");
  const text = [
    'import { existsSync, mkdtempSync, writeFileSync } from "node:fs";',
    'import { tmpdir } from "node:os";',
    'import { join } from "node:path";',
    `const once = ${JSON.stringify(once)};`,
    'test("b", () => {',
    '  if (!existsSync(once)) mkdtempSync(join(tmpdir(), "turnpike-left-"));',
    '  writeFileSync(once, "");',
    "});",
  ].join("\n");
  expect(await runText(text)).toBe(0);
  expect(existsSync(once)).toBe(true);
});

test("Gate counts a file that does not load as failed", async () => {
  expect(await runText('throw new Error("unloadable");')).toBe(1);
  expect(said).toContain("unloadable");
});

test("Gate ends a group that hangs at its time limit, with what it started", async () => {
  const hang = 'test("b", () => { Bun.spawnSync(["sleep", "600"]); });';
  expect(await runText(hang, 1)).toBe(1);
  expect(said).toContain("ended at its time limit");
});

test("Gate.check() counts a command by its exit code and shows what a failed one said", async () => {
  const gate = new Gate(root);
  await gate.check("right", ["true"]);
  await gate.check("wrong", ["sh", "-c", "echo no such luck; exit 3"]);
  await gate.check("absent", ["/does/not/exist"]);
  expect(gate.close()).toBe(1);
  expect(said).toContain("no such luck");
  expect(lastLine()).toBe("1 passed, 2 failed, 0 skipped");
});

test("Gate.groups() runs some at once and tells of them in their order", async () => {
  const group = (name: string) => ({
    name,
    files: [`${name}.test.ts`],
    limitSec: 20,
    testLimitSec: 10,
  });
  for (const [name, ms] of [
    ["slow", 300],
    ["quick", 0],
  ] as const) {
    const text = `import { test } from "bun:test";\ntest("t", () => Bun.sleep(${ms}));`;
    writeFileSync(join(root, `${name}.test.ts`), text);
  }
  const gate = new Gate(root);
  await gate.groups([group("slow"), group("quick")], { atOnce: 2 });
  expect(gate.close()).toBe(0);
  expect(said.indexOf("slow")).toBeLessThan(said.indexOf("quick"));
  expect(lastLine()).toBe("2 passed, 0 failed, 0 skipped");
});
