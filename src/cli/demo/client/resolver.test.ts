import { expect, test } from "bun:test";
import { Resolver } from "node:dns/promises";
import packet from "dns-packet";
import { CLIENTS, portsFrom } from "../layout.ts";
import { encodeQuery, TYPE } from "./message.ts";
import { type ForwardingResolver, startResolver, type Ways } from "./resolver.ts";

const WAYS: Ways = {
  ours: ["cdn.example", "www.shop.example"],
  cnames: new Map([["www.news.example", "abc.gtm.cdn.example"]]),
};

interface Seen {
  name: string;
  subnet: string;
}

/** A name server with three names, which notes the client subnet of each question. */
async function startServer(host: string, seen: Seen[]) {
  const table: Record<string, packet.Answer[]> = {
    "www.shop.example": [{ type: "A", name: "www.shop.example", ttl: 5, data: "127.21.1.1" }],
    "abc.gtm.cdn.example": [{ type: "A", name: "abc.gtm.cdn.example", ttl: 5, data: "127.22.1.1" }],
    "to.cdn.example": [
      { type: "CNAME", name: "to.cdn.example", ttl: 5, data: "abc.gtm.cdn.example" },
    ],
  };
  return Bun.udpSocket({
    hostname: host,
    port: 0,
    socket: {
      data(own, bytes, port, address) {
        const query = packet.decode(bytes);
        const name = query.questions?.[0]?.name ?? "";
        const subnet = /"ip":"([^"]+)"/.exec(JSON.stringify(query.additionals))?.[1] ?? "";
        seen.push({ name, subnet });
        const answers = table[name] ?? [];
        own.send(
          packet.encode({
            type: "response",
            id: query.id ?? 0,
            flags: answers.length === 0 ? 3 : 0,
            questions: query.questions ?? [],
            answers,
          }),
          port,
          address,
        );
      },
      error() {},
    },
  });
}

async function withResolver(
  run: (stub: Resolver, seen: Seen[], resolver: ForwardingResolver) => Promise<void>,
): Promise<void> {
  const seen: Seen[] = [];
  const server = await startServer("127.77.1.1", seen);
  const network = { ...CLIENTS[0]!, resolver: "127.77.31.53" };
  const resolver = await startResolver({
    network,
    ports: { ...portsFrom(0), dns: server.port },
    servers: ["127.77.9.9", "127.77.1.1"],
    ways: () => WAYS,
    nodePops: new Map([["127.77.2.1", "nyc"]]),
  });
  const stub = new Resolver({ timeout: 3000, tries: 1 });
  stub.setServers([`${resolver.address}:${resolver.port}`]);
  try {
    await run(stub, seen, resolver);
  } finally {
    resolver.stop();
    server.close();
  }
}

test("A delegated name is asked with the network's client subnet, past a server that is dead", async () => {
  await withResolver(async (stub, seen) => {
    expect(await stub.resolve4("www.shop.example")).toEqual(["127.21.1.1"]);
    expect(seen).toEqual([{ name: "www.shop.example", subnet: "203.0.113.0" }]);
  });
});

test("A customer's CNAME is followed to our name servers, and theirs to the end", async () => {
  await withResolver(async (stub) => {
    expect(await stub.resolve4("www.news.example")).toEqual(["127.22.1.1"]);
    expect(await stub.resolve4("to.cdn.example")).toEqual(["127.22.1.1"]);
  });
});

test("A name that leads nowhere is NXDOMAIN", async () => {
  await withResolver(async (stub) => {
    expect(stub.resolve4("www.elsewhere.example")).rejects.toMatchObject({ code: "ENOTFOUND" });
    expect(stub.resolve4("no.cdn.example")).rejects.toMatchObject({ code: "ENOTFOUND" });
  });
});

test("A probe's question is answered after the distance to its pop", async () => {
  await withResolver(async (_stub, _seen, resolver) => {
    const answered = Promise.withResolvers<number>();
    const probe = await Bun.udpSocket({
      hostname: "127.77.2.1",
      port: 0,
      socket: { data: () => answered.resolve(performance.now()) },
    });
    const began = performance.now();
    probe.send(
      encodeQuery({ id: 1, name: "cdn.example", type: TYPE.NS, subnet: null }),
      resolver.port,
      resolver.address,
    );
    expect((await answered.promise) - began).toBeGreaterThanOrEqual(CLIENTS[0]!.rttMs.nyc! - 2);
    probe.close();
  });
});
