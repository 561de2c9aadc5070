import { expect, test } from "bun:test";
import { nodeFile } from "./node-file.ts";

test("HTTP/3 is off by default, and needs listen.https, whose port it has", () => {
  const tls = { cert: "a.pem", key: "a.key" };
  const of = (listen: object) => nodeFile.safeParse({ name: "one", tls, listen });
  expect(of({ https: "127.0.0.1:443" }).data?.listen.http3).toBe(false);
  expect(of({ https: "127.0.0.1:443", http3: true }).data?.listen.http3).toBe(true);
  const refused = of({ http3: true }).error?.issues.map(({ path }) => path.join("."));
  expect(refused).toEqual(["listen.http3"]);
});
