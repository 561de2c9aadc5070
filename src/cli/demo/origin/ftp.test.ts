import { expect, test } from "bun:test";
import { Writable } from "node:stream";
import { Client } from "basic-ftp";
import { type FtpServer, startFtp } from "./ftp.ts";

const BODY = new Uint8Array(300_000).map((_, i) => i % 251);

async function withServer(run: (server: FtpServer) => Promise<void>): Promise<void> {
  const server = startFtp({
    host: "127.0.0.1",
    port: 0,
    file: (path) => (path === "/health.txt" ? BODY : null),
  });
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

async function connect(server: FtpServer): Promise<Client> {
  const client = new Client(3000);
  await client.access({
    host: "127.0.0.1",
    port: server.port,
    user: "anonymous",
    password: "turnpike@",
  });
  return client;
}

function collect(chunks: Buffer[]): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
}

test("A client signs in, asks the size and retrieves the file whole", async () => {
  await withServer(async (server) => {
    const client = await connect(server);
    expect(await client.size("/health.txt")).toBe(BODY.length);
    const chunks: Buffer[] = [];
    await client.downloadTo(collect(chunks), "health.txt");
    expect(Buffer.concat(chunks).equals(Buffer.from(BODY))).toBe(true);
    client.close();
  });
});

test("A file that is not there is refused with 550 and the session goes on", async () => {
  await withServer(async (server) => {
    const client = await connect(server);
    expect(client.downloadTo(collect([]), "/nothing")).rejects.toThrow("550");
    client.close();
  });
});

test("The greeting waits as long as is set", async () => {
  await withServer(async (server) => {
    server.delayMs = 120;
    const began = performance.now();
    const client = await connect(server);
    expect(performance.now() - began).toBeGreaterThanOrEqual(115);
    client.close();
  });
});

test("After stop nothing answers at its port", async () => {
  let port = 0;
  await withServer(async (server) => {
    port = server.port;
  });
  const client = new Client(1000);
  expect(client.connect("127.0.0.1", port)).rejects.toThrow();
});
