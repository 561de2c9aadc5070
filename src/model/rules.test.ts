import { expect, test } from "bun:test";
import { readDocument } from "./document.ts";
import { site } from "./site.ts";

function problemsOf(rules: string): readonly string[] {
  const read = readDocument(`hostname: www.shop.example\nrules:\n${rules}`, site);
  return read.ok ? [] : read.problems.map((p) => `${p.line} ${p.path}: ${p.message}`);
}

test("a rule's problems are all told at once, each with its line", () => {
  const problems = problemsOf(
    [
      "- {name: a, match: {path: [img]}, https: true}",
      "- {name: a, request: {set: {CDN-Loop: x, Host: y}, remove: [Via]}}",
      "- {name: b}",
      "- {name: c, redirect: {to: '//evil.example'}, regexp: '(.*)*=x'}",
      '- {name: d, response: {set: {x-a: "1\\r\\nSet-Cookie: a=b"}}}',
      "- {name: e, cors: {origins: ['*'], credentials: true}}",
      "- {name: f, errorPages: [{status: [503]}]}",
      "- {name: g, compress: {types: [image/png]}}",
    ].join("\n"),
  );
  const lines = new Set(problems.map((one) => one.split(" ")[0]));
  expect([...lines].sort()).toEqual(["10", "3", "4", "5", "6", "7", "8", "9"]);
  expect(problems.filter((one) => one.startsWith("4 ")).length).toBeGreaterThanOrEqual(3);
});

test("a rule cannot touch what caches and connections know each other by (H13)", () => {
  const fields = ["cdn-loop", "Via", "host", "connection", "transfer-encoding", "content-length"];
  for (const name of fields) {
    for (const side of ["request", "response"]) {
      for (const edit of [`set: {${name}: x}`, `add: {${name}: x}`, `remove: [${name}]`]) {
        expect(problemsOf(`- {name: a, ${side}: {${edit}}}`)).toHaveLength(1);
      }
    }
  }
});

test("a rule cannot give one user's own to all, nor say how bytes are to be kept", () => {
  for (const edit of ["request: {set: {cookie: a}}", "request: {add: {authorization: a}}"]) {
    expect(problemsOf(`- {name: a, ${edit}}`)).toHaveLength(1);
  }
  for (const name of ["set-cookie", "cache-control", "etag", "vary", "content-encoding", "age"]) {
    expect(problemsOf(`- {name: a, response: {set: {${name}: x}}}`)).toHaveLength(1);
  }
  expect(problemsOf("- {name: a, request: {remove: [cookie]}}")).toEqual([]);
});

test("a key is not made of what frameworks take for host, path, method or client (H8)", () => {
  for (const name of [
    "X-Original-URL",
    "x-http-method-override",
    "Forwarded",
    "x-host",
    "Cookie",
  ]) {
    expect(problemsOf(`- {name: a, key: {headers: [${name}]}}`)).toHaveLength(1);
  }
  expect(problemsOf("- {name: a, key: {headers: [X-Theme, accept-language]}}")).toEqual([]);
});

test("patterns are bounded, one by one and together (H22)", () => {
  expect(
    problemsOf(`- {name: a, match: {path: ["/${"*a".repeat(6)}"]}, https: true}`),
  ).toHaveLength(1);
  expect(
    problemsOf(`- {name: a, match: {path: ["/${"a".repeat(200)}"]}, https: true}`),
  ).toHaveLength(1);
  const many = Array.from({ length: 65 }, (_, i) => `- {name: r${i}, https: true}`);
  expect(problemsOf(many.join("\n"))).toHaveLength(1);
  const searched = Array.from({ length: 13 }, (_, i) => {
    return `- {name: r${i}, https: true, match: {path: ["/*a*", "*b*", "*c*", "*d*", "*e*"]}}`;
  });
  expect(problemsOf(searched.join("\n"))).toHaveLength(1);
});

test("names of fields are in lower case, and what is left out is as it was", () => {
  const rules = "- {name: a, response: {set: {X-Robots-Tag: none}, remove: [Server]}}";
  const read = readDocument(`hostname: www.shop.example\nrules:\n${rules}`, site);
  if (!read.ok) throw new Error("It is valid");
  expect(read.value.value.rules?.[0]?.response).toEqual({
    ...{ set: { "x-robots-tag": "none" }, remove: ["server"] },
  });
  const plain = readDocument("hostname: www.shop.example", site);
  expect(plain.ok && "rules" in plain.value.value).toBe(false);
});
