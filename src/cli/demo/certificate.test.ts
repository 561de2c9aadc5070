import { expect, test } from "bun:test";
import { X509Certificate } from "node:crypto";
import { selfSigned } from "./certificate.ts";

test("The certificate carries its names, is valid now and verifies with its own key", () => {
  const now = new Date("2026-11-22T12:00:00Z");
  const { cert } = selfSigned(["c.cdn.example", "*.cdn.example"], now);
  const read = new X509Certificate(cert);
  expect(read.subjectAltName).toBe("DNS:c.cdn.example, DNS:*.cdn.example");
  expect(read.verify(read.publicKey)).toBe(true);
  expect(read.validFromDate < now && now < read.validToDate).toBe(true);
});

test("A TLS client that trusts it connects by one of its names", async () => {
  const { cert, key } = selfSigned(["c.cdn.example"], new Date());
  const server = Bun.serve({ port: 0, tls: { cert, key }, fetch: () => new Response("ok") });
  try {
    const answer = await fetch(`https://127.0.0.1:${server.port}/`, {
      tls: { ca: cert, serverName: "c.cdn.example" },
    });
    expect(await answer.text()).toBe("ok");
  } finally {
    await server.stop(true);
  }
});
