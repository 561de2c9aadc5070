/** Certificates that the network obtains by itself, from Debian's pebble through its own name servers. */
import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { join } from "node:path";
import { testWith } from "../lab/needs.ts";
import { Program, until } from "../lab/process.ts";
import { HOSTNAME, PORTS } from "../lab/small-network.ts";
import type { ClientsTold } from "../lab/tls-clients.ts";
import { AcmeWorld, HTTPS } from "./acme-world.ts";

setDefaultTimeout(120_000);

const NEEDS = ["pebble", "openssl", "curl", "dig"];
const CLIENTS = join(import.meta.dir, "../lab/tls-clients.ts");
const SHARED = "c.cdn.example";
const SECOND = `${HOSTNAME}.cdn.example`;
const FAR = "img.far.example";
const ALIAS = "img.elsewhere.example";
const world = new AcmeWorld({ env: { PEBBLE_WFE_NONCEREJECT: "20", PEBBLE_AUTHZREUSE: "0" } });
const origin = Bun.serve({
  hostname: world.at(2),
  port: PORTS.origin,
  fetch: () => new Response("page", { headers: { "cache-control": "max-age=600" } }),
});

async function renewed(host: string, ...whose: readonly string[]) {
  const issued = () => world.pebble.output.match(/Issued certificate serial/g)?.length ?? 0;
  const before = issued();
  expect((await world.turnpike("renew", host, ...whose)).code).toBe(0);
  const isDone = async () => issued() > before && (await world.row(host)).state === "obtained";
  await until(isDone, { what: `the next one for ${host}`, withinMs: 60_000 });
}

async function failed(host: string) {
  const isSo = async () => (await world.row(host)).state === "failed";
  await until(isSo, { what: `${host} to fail`, withinMs: 20_000 });
  return world.row(host);
}

afterAll(async () => {
  await world.stop();
  await origin.stop(true);
});

testWith(
  NEEDS,
  "certificates come by themselves: for our own names by DNS through our name servers, for a site's by HTTP at the caches",
  async () => {
    await world.start();
    world.resolver.table.set(HOSTNAME, world.at(1));
    world.resolver.table.set(ALIAS, world.at(9));
    await world.apply({}, { front: "caches", cache: { aliases: [ALIAS] } });
    const serials = await world.trusted([SHARED, SECOND, HOSTNAME]);
    // One each: none spans two customers.
    expect(new Set(serials.values()).size).toBe(3);
    const ca = world.folder.file("root.pem", await world.pebble.root());
    const to = `${SECOND}:${HTTPS}:${world.at(1)}`;
    const curl = ["curl", "-sS", "--cacert", ca, "--resolve", to, `https://${SECOND}:${HTTPS}/`];
    const program = new Program(curl, { name: "curl" });
    expect([await program.ended(), program.output]).toEqual([0, "page"]);
    const { output } = await world.turnpike("status", "--network");
    expect(output).toMatch(/c\.cdn\.example +the network +obtained +dns-01/);
    expect(output).toMatch(/www\.shop\.example\.cdn\.example +shop +obtained +dns-01/);
    expect(output).toMatch(/www\.shop\.example +shop +obtained +http-01/);
    // A name that leads elsewhere is told, and nobody is asked for it.
    expect(output).toMatch(new RegExp(`${ALIAS} .*failed .*${ALIAS} has ${world.at(9)}`));
    expect(world.pebble.output).not.toContain(ALIAS);
  },
);

testWith(
  NEEDS,
  "the next certificate takes the place of the one before without a failed request",
  async () => {
    const before = await world.shown(SECOND);
    const command = [process.execPath, CLIENTS, world.at(1), String(HTTPS), SECOND];
    const clients = Bun.spawn(command, { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    world.resolver.table.set(ALIAS, world.at(1));
    for (const host of [SECOND, ALIAS]) {
      const asked = await world.turnpike("renew", host, "--customer", "shop");
      expect([asked.code, asked.output]).toEqual([0, expect.stringContaining(host)]);
    }
    const isNext = async () => ![null, before].includes(await world.shown(SECOND));
    await until(isNext, { what: "the next certificate", withinMs: 60_000, everyMs: 200 });
    clients.stdin.end();
    const told = JSON.parse(await new Response(clients.stdout).text()) as ClientsTold;
    expect(told.failed).toEqual([]);
    expect(Math.min(...Object.values(told.answered))).toBeGreaterThan(5);
    const isThere = async () => (await world.row(ALIAS)).state === "obtained";
    await until(isThere, { what: "the alias's certificate", withinMs: 60_000 });
  },
);

testWith(
  NEEDS,
  "CAA says who may issue: ours lets the authority alone, and another's forbids it before anything is ordered (T7)",
  async () => {
    const issuers = ["pebble.example"];
    world.resolver.table.set(FAR, world.at(9));
    await world.apply(
      { issuers, caa: true },
      { front: "caches", cache: { aliases: [ALIAS, FAR] } },
    );
    const dig = ["dig", `@${world.at(1)}`, "-p", String(PORTS.dns), "+short", "cdn.example", "CAA"];
    const isAnswered = async () => {
      const asked = new Program(dig, { name: "dig" });
      await asked.ended();
      return /^0 issue "pebble\.example; .*accounturi=https:/m.test(asked.output);
    };
    await until(isAnswered, { what: "CAA at the zone", withinMs: 20_000 });
    // Our own record is looked at as well.
    await renewed(SHARED, "--network");
    const { problem, cname } = await failed(FAR);
    expect(problem).toContain(`${FAR} has ${world.at(9)}`);
    // Shown by a record of ours, wherever the name leads; but the zone's owner has chosen another authority.
    world.resolver.caa.set("far.example", '0 issue "other.example"');
    world.resolver.aliases.set(cname?.name ?? "", cname?.target ?? "");
    await world.turnpike("renew", FAR, "--customer", "shop");
    const isForbidden = async () => (await world.row(FAR)).problem?.includes("CAA") === true;
    await until(isForbidden, { what: "CAA to be looked at", withinMs: 20_000 });
    expect((await failed(FAR)).problem).toContain(
      "CAA of far.example for img.far.example: only other.example may issue, and not pebble.example",
    );
    expect(world.pebble.output).not.toContain(FAR);
    world.resolver.caa.set("far.example", '0 issue "pebble.example; validationmethods=dns-01"');
    await renewed(FAR, "--customer", "shop");
  },
);

testWith(NEEDS, "kill -9 of the network while it orders costs no certificate", async () => {
  const names = [SHARED, HOSTNAME];
  const issued = () => world.pebble.output.match(/Issued certificate serial/g)?.length ?? 0;
  const before = issued();
  for (const host of names) {
    const whose = host === SHARED ? ["--network"] : ["--customer", "shop"];
    expect((await world.turnpike("renew", host, ...whose)).code).toBe(0);
    // Killed wherever the one before stands.
    await world.kill();
    await world.up();
  }
  const isDone = async () => {
    const rows = (await world.rows()).filter(({ host }) => names.includes(host));
    return rows.every(({ state }) => state === "obtained") && issued() >= before + names.length;
  };
  await until(isDone, { what: "the next certificates", withinMs: 60_000, everyMs: 200 });
  expect(issued()).toBe(before + names.length);
});
