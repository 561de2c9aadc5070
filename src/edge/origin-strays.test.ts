import { expect, test } from "bun:test";
import { OriginConnection } from "./origin-connection.ts";
import { type Dialing, Strays } from "./origin-strays.ts";

const dialled = (strays: Strays, address: string, n: number) =>
  Array.from({ length: n }, () => strays.dial(address)).filter((one) => one !== null);

test("an address where many attempts were left is tried by one at a time", () => {
  const strays = new Strays({ ofOne: 2 });
  const first = dialled(strays, "a", 5);
  expect(first).toHaveLength(5);
  for (const one of first) one.left();
  const [only, ...others] = dialled(strays, "a", 5);
  expect(others).toEqual([]);
  expect(dialled(strays, "b", 5)).toHaveLength(5);
  only!.left();
  const next = dialled(strays, "a", 5);
  expect(next).toHaveLength(1);
  // It answers again: all that was left there ends as well.
  for (const one of [...first, only!, ...next]) one.over();
  expect(dialled(strays, "a", 5)).toHaveLength(5);
});

test("with many left in all, every address that has one is tried by one at a time, and no other", () => {
  const strays = new Strays({ ofOne: 10, ofAll: 3 });
  for (const address of ["a", "b", "c"]) dialled(strays, address, 1)[0]!.left();
  expect(["a", "b", "c", "d"].map((at) => dialled(strays, at, 4).length)).toEqual([1, 1, 1, 4]);
});

test("nothing is kept of what is over, however it is told", () => {
  const strays = new Strays();
  const [one, other] = dialled(strays, "a", 2) as [Dialing, Dialing];
  one.left();
  one.left();
  for (let n = 0; n < 2; n++) {
    one.over();
    other.over();
  }
  one.left();
  expect(strays.size).toBe(0);
});

test("a connection that stands, and one that is refused, are over", async () => {
  const strays = new Strays();
  const server = Bun.listen({ hostname: "127.83.4.1", port: 0, socket: { data() {} } });
  const { port } = server;
  const to = { scheme: "http", address: "127.83.4.1", port, hostname: "www.shop.example" } as const;
  const connect = () => OriginConnection.connect(to, { ms: 5_000, dialing: strays.dial("a")! });
  const connection = await connect();
  expect(strays.size).toBe(0);
  connection.destroy();
  server.stop(true);
  await expect(connect()).rejects.toMatchObject({ code: "origin-refused" });
  expect(strays.size).toBe(0);
});
