// A zone's own name answered with another name's addresses (ALIAS), and names asked for over HTTPS: one node,
// its command line, dig, kdig and curl.
import { afterAll, beforeAll, expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { compileWorld, healthOf, WORLD } from "../../src/dns/hot/world.fixture.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
  makeQuery,
  TYPE,
} from "../../src/wire/dns/mod.ts";
import { testWith, whyNot } from "../lab/needs.ts";
import { type Program, run, until } from "../lab/process.ts";
import { PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { Api, Folder, loopback, runTurnpike, startTurnpike } from "../lab/turnpike.ts";
import { clean, HandFeed, startServer } from "./dns-stage.ts";

const NEEDS = ["dig", "kdig", "curl"];
const why = whyNot(NEEDS);
const HTTPS = 8444;
const HOST = "dns.cdn.example";

const folder = new Folder();
const us = loopback()(1);
let node: Program | null = null;
let env: Record<string, string> = {};
let elsewhere: HandFeed;

/** What the resolver that the node asks says of the target. */
function targetAt(number: number, values: readonly string[]) {
  const compiled = compileWorld(WORLD, number);
  const record = { name: "target.hosted.example", type: "A", ttlSec: 5, values };
  const zones = compiled.zones.map((zone) => ({ ...zone, records: [...zone.records, record] }));
  return { ...compiled, zones };
}

const turnpike = async (...args: string[]) => {
  const { code, output } = await runTurnpike(args, env);
  if (code !== 0) throw new Error(`turnpike ${args.join(" ")}: ${output}`);
  return output;
};

async function dig(name: string, type: string): Promise<string[]> {
  const how = ["+noall", "+answer", "+norecurse", "+time=2", "+tries=1"];
  const out = await run(["dig", ...how, `@${us}`, "-p", String(PORTS.dns), name, type]).catch(
    () => "",
  );
  const lines = out.split("\n").filter((line) => line !== "" && !line.startsWith(";"));
  return lines.map((line) => line.split(/\s+/).slice(1).join(" ")).sort();
}

beforeAll(async () => {
  if (why !== null) return;
  const first = targetAt(1, ["127.0.9.7", "127.0.9.8"]);
  elsewhere = new HandFeed(first, healthOf(first));
  const resolver = await startServer({}, { feed: elsewhere });
  const tls = selfSigned([HOST], new Date());
  writeFileSync(folder.join("cert.pem"), tls.cert);
  writeFileSync(folder.join("key.pem"), tls.key);
  const file = smallNode({ address: us, data: folder.join("data") });
  const listen = { ...(file.listen as object), https: `${us}:${HTTPS}` };
  const more = {
    listen,
    tls: { cert: folder.join("cert.pem"), key: folder.join("key.pem") },
    resolvers: [`127.0.0.1:${resolver.port}`],
    doh: { host: HOST },
  };
  node = startTurnpike(upArgs(folder, "all", { ...file, ...more }));
  const url = `http://${us}:${PORTS.control}`;
  const api = new Api(url);
  let token = "";
  const signIn = async () => {
    token = await api.signIn().catch(() => "");
    return token !== "";
  };
  await until(signIn, { what: "control to answer", withinMs: 20_000, everyMs: 100 });
  env = { TURNPIKE_URL: url, TURNPIKE_TOKEN: token };
  const network = smallNetwork({ address: us, origins: ["127.0.9.1"] });
  (network.customers as Record<string, unknown>[])[0]!.zones = [{ name: "shop.test" }];
  await api.must("POST", "/apply", { network });
}, 60_000);
afterAll(async () => {
  await node?.stop();
  await clean();
  folder.remove();
});

testWith(
  NEEDS,
  "an ALIAS follows its target, and keeps the last addresses while nobody answers for it",
  async () => {
    await turnpike("zone", "set", "shop.test", "@", "ALIAS", "target.hosted.example");
    await turnpike("zone", "set", "shop.test", "@", "MX", "10 mail.shop.test");
    const is =
      (...addresses: string[]) =>
      async () =>
        (await dig("shop.test", "A")).join() === addresses.map((one) => `60 IN A ${one}`).join();
    await until(is("127.0.9.7", "127.0.9.8"), { what: "the target's addresses" });
    expect(await dig("shop.test", "AAAA")).toEqual([]);
    expect(await dig("shop.test", "MX")).toEqual(["3600 IN MX 10 mail.shop.test."]);
    expect(await dig("shop.test", "TYPE65401")).toEqual([]);
    elsewhere.publish(targetAt(2, ["127.0.9.9"]));
    await until(is("127.0.9.9"), { what: "the new address", withinMs: 20_000 });
    const text = await turnpike("zone", "export", "shop.test");
    expect(text).toContain("IN ALIAS target.hosted.example.");
    await clean();
    // Nobody answers any more: what was found stays, also with the next snapshot.
    await turnpike("zone", "set", "shop.test", "mail", "A", "192.0.2.2");
    await until(async () => (await dig("mail.shop.test", "A")).length === 1, { what: "a publish" });
    expect(await is("127.0.9.9")()).toBe(true);
    const away = await runTurnpike(["zone", "set", "shop.test", "mail", "ALIAS", "a.example"], env);
    expect([away.code, away.output]).toEqual([1, expect.stringContaining("no ALIAS beside A")]);
  },
  60_000,
);

testWith(
  NEEDS,
  "kdig and curl ask over HTTPS, by POST and GET, and a customer's host keeps that path",
  async () => {
    const tls = [`+tls-ca=${folder.join("cert.pem")}`, `+tls-hostname=${HOST}`];
    const kdig = (...how: string[]) =>
      run(["kdig", `@${us}`, "-p", String(HTTPS), ...tls, ...how, "shop.test", "MX", "+short"]);
    for (const how of [[], ["+https-get"]]) {
      const said = await kdig(`+https=${HOST}/dns-query`, ...how);
      expect(said.trim()).toBe("10 mail.shop.test.");
    }
    const bytes = encodeMessage(makeQuery(0, "shop.test", TYPE.MX))!;
    writeFileSync(folder.join("query"), bytes);
    const curl = async (...args: string[]) => {
      const to = ["--resolve", `${HOST}:${HTTPS}:${us}`, "--resolve", `a.test:${HTTPS}:${us}`];
      const out = ["-sk", "-o", folder.join("answer"), "-w", "%{http_code} %header{cache-control}"];
      return (await run(["curl", ...out, ...to, ...args])).trim();
    };
    const url = `https://${HOST}:${HTTPS}/dns-query`;
    const post = ["-H", "content-type: application/dns-message", "--data-binary"];
    expect(await curl(url, ...post, `@${folder.join("query")}`)).toBe("200 max-age=3600");
    const answer = decodeMessage(await Bun.file(folder.join("answer")).bytes()) as Message;
    expect(answer.answers).toHaveLength(1);
    const given = `${url}?dns=${Buffer.from(bytes).toString("base64url")}`;
    expect(await curl(given)).toBe("200 max-age=3600");
    expect(await curl("--http1.1", given)).toBe("200 max-age=3600");
    expect((await curl(url)).slice(0, 3)).toBe("400");
    expect((await curl(url, "--data", "x")).slice(0, 3)).toBe("415");
    expect((await curl(url, "-X", "PUT")).slice(0, 3)).toBe("405");
    const foreign = `https://a.test:${HTTPS}/dns-query?dns=AAAA`;
    expect((await curl(foreign)).slice(0, 3)).not.toBe("200");
    // Only over HTTPS.
    const plain = `http://${us}:${PORTS.http}/dns-query?dns=AAAA`;
    expect((await curl("-H", `host: ${HOST}`, plain)).slice(0, 3)).not.toBe("200");
  },
  40_000,
);
