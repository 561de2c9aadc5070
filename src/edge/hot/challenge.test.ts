import { expect, test } from "bun:test";
import { challengePage } from "./challenge.ts";

const find = (host: string, token: string) => {
  return host === "www.shop.example" && token === "abc" ? "abc.print" : null;
};

async function page(url: string, o: { method?: string; host?: string } = {}) {
  const { method = "GET", host = new URL(url).host } = o;
  const response = challengePage(new Request(url, { method, headers: { host } }), find);
  return response === null ? null : { status: response.status, text: await response.text() };
}

test("challengePage() answers a token at the host under order, and at no other (T7)", async () => {
  const at = "http://www.shop.example/.well-known/acme-challenge/abc";
  expect(await page(at)).toEqual({ status: 200, text: "abc.print" });
  expect(await page(at, { host: "WWW.Shop.example:8080" })).toEqual({
    status: 200,
    text: "abc.print",
  });
  expect(await page(at, { method: "HEAD" })).toEqual({ status: 200, text: "" });
  const others = [
    "http://www.news.example/.well-known/acme-challenge/abc",
    "http://c.cdn.example/.well-known/acme-challenge/abc",
    "http://c.cdn.example/www.shop.example/.well-known/acme-challenge/abc",
    "http://www.shop.example.cdn.example/.well-known/acme-challenge/abc",
    "http://www.shop.example/.well-known/acme-challenge/abd",
    "http://www.shop.example/.well-known/acme-challenge/abc?x",
    "http://www.shop.example/.well-known/acme-challenge/",
    "http://www.shop.example/x/.well-known/acme-challenge/abc",
  ];
  for (const url of others) expect([url, await page(url)]).toEqual([url, null]);
  expect(await page(at, { method: "POST" })).toBeNull();
  // The target's host is another's: neither is answered for.
  expect(await page(at, { host: "www.news.example" })).toBeNull();
});
