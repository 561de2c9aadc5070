/** Certificates that the network obtains by itself, from Debian's pebble through its own name servers. */
import { afterAll, expect, setDefaultTimeout } from "bun:test";
import { testWith } from "../lab/needs.ts";
import { Program, until } from "../lab/process.ts";
import { HOSTNAME } from "../lab/small-network.ts";
import { AcmeWorld, HTTPS } from "./acme-world.ts";

setDefaultTimeout(120_000);

const NEEDS = ["pebble", "openssl", "curl"];
const SHARED = "c.cdn.example";
const SECOND = `${HOSTNAME}.cdn.example`;
const ALIAS = "img.elsewhere.example";
const world = new AcmeWorld({ env: { PEBBLE_WFE_NONCEREJECT: "20", PEBBLE_AUTHZREUSE: "0" } });

afterAll(() => world.stop());

testWith(
  NEEDS,
  "certificates for c.<zone> and a site's second address come by themselves, by DNS through our name servers",
  async () => {
    await world.start();
    await world.apply();
    const serials = await world.trusted([SHARED, SECOND]);
    // One each: none spans two customers.
    expect(new Set(serials.values()).size).toBe(2);
    const ca = world.folder.file("root.pem", await world.pebble.root());
    const to = `${SECOND}:${HTTPS}:${world.at(1)}`;
    const url = `https://${SECOND}:${HTTPS}/`;
    const curl = ["curl", "-sS", "-o", "/dev/null", "--cacert", ca, "--resolve", to, url];
    const program = new Program(curl, { name: "curl" });
    expect([await program.ended(), program.output]).toEqual([0, ""]);
    const { output } = await world.turnpike("status", "--network");
    expect(output).toMatch(/c\.cdn\.example +the network +obtained +dns-01/);
    expect(output).toMatch(/www\.shop\.example\.cdn\.example +shop +obtained +dns-01/);
  },
);

testWith(
  NEEDS,
  "a site's own names come by HTTP at the caches, once they lead there; a name that does not is told, and not ordered",
  async () => {
    world.resolver.table.set(HOSTNAME, world.at(1));
    world.resolver.table.set(ALIAS, world.at(9));
    await world.apply({}, { front: "caches", cache: { aliases: [ALIAS] } });
    await world.trusted([HOSTNAME]);
    await until(async () => (await world.row(ALIAS)).state === "failed", { what: "the refusal" });
    const { problem } = await world.row(ALIAS);
    expect(problem).toContain(`${ALIAS} has ${world.at(9)}`);
    expect(world.pebble.output).not.toContain(ALIAS);

    world.resolver.table.set(ALIAS, world.at(1));
    const asked = await world.turnpike("renew", ALIAS, "--customer", "shop");
    expect([asked.code, asked.output]).toEqual([0, expect.stringContaining(ALIAS)]);
    const isThere = async () => (await world.row(ALIAS)).state === "obtained";
    await until(isThere, { what: "the alias's certificate", withinMs: 60_000 });
    expect((await world.row(ALIAS)).challenge).toBe("http-01");
  },
);
