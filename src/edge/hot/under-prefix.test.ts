import { expect, test } from "bun:test";
import { keepUnderPrefix } from "./under-prefix.ts";

const AT = {
  hostname: "www.shop.example",
  firstAddress: "https://www.shop.example",
  serverAddress: "https://www.shop.example",
};

function linked(link: string): string | null {
  const headers = new Headers({ link });
  keepUnderPrefix(headers, AT, "/a");
  return headers.get("link");
}

test("links of a page lead to the first address, those elsewhere stay", () => {
  const link =
    "</a.css>; rel=preload, <//elsewhere.example/b>; rel=next, <https://c.example/>; rel=x";
  expect(linked(link)).toBe(link.replace("</a.css>", "<https://www.shop.example/a.css>"));
});

test("links that nobody closes take no more time than the field is long (H24)", () => {
  const link = "</a".repeat(100_000);
  expect(linked(link)).toBe(link);
  expect(linked(`${link}>`)).toBe(`${link.slice(0, -3)}<https://www.shop.example/a>`);
});
