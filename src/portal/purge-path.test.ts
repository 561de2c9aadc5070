import { expect, test } from "bun:test";
import { pathIn } from "./app/parts/purge-path.ts";

const NAMES = {
  hostname: "www.shop.example",
  hosts: ["www.shop.example", "www.shop.example.cdn.example", "static.shop.example"],
  shared: "c.cdn.example",
};

const READ: readonly (readonly [typed: string, path: string])[] = [
  [" /logo.png?v=2 ", "/logo.png?v=2"],
  ["/logo.png?from=https://elsewhere.example/a", "/logo.png?from=https://elsewhere.example/a"],
  ["https://www.shop.example/logo.png?v=2#top", "/logo.png?v=2"],
  ["HTTP://WWW.shop.example:8080/b\u00fccher", "/b%C3%BCcher"],
  ["https://www.shop.example", "/"],
  ["https://www.shop.example.cdn.example/a/", "/a/"],
  ["//static.shop.example/a.css", "/a.css"],
  ["//c.cdn.example/www.shop.example/a.png", "/a.png"],
  ["http://c.cdn.example:8080/www.shop.example//a", "//a"],
  ["www.shop.example/a.png", "/a.png"],
  ["c.cdn.example/www.shop.example/a.png", "/a.png"],
  // What is no address is the API's to refuse.
  ["logo.png", "logo.png"],
  ["", ""],
  ["https://", "https://"],
];
for (const [typed, path] of READ) {
  test(`pathIn() takes ${JSON.stringify(typed)} for ${JSON.stringify(path)}`, () => {
    expect(pathIn(typed, NAMES)).toEqual({ path });
  });
}

test.each([
  "https://www.other.example/a.png",
  "//www.other.example/a.png",
  "https://c.cdn.example/a.png",
  "https://c.cdn.example/www.shop.example.evil/a.png",
  "https://c.cdn.example/www.other.example/www.shop.example/a.png",
  "c.cdn.example/www.other.example/a.png",
  "https://www.shop.example@www.other.example/a.png",
])("pathIn() refuses %s, which is another site's", (typed) => {
  expect(pathIn(typed, NAMES)).toEqual({ problem: "This is no address of www.shop.example" });
});
