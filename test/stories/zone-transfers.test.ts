// Zones that other name servers fetch, and challenges that nsupdate sets: from the command line to what
// real secondaries serve, and the refusals of everybody else over UDP, TCP and TLS (D9).
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { testWith, whyNot } from "../lab/needs.ts";
import { type Program, run, until } from "../lab/process.ts";
import { type Secondary, startBind, startKnot, startNsd } from "../lab/secondaries.ts";
import { PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { Api, Folder, loopback, runTurnpike, startTurnpike } from "../lab/turnpike.ts";

const NEEDS = ["dig", "nsupdate", "nsd", "named", "knotd"];
const PEER_PORT = 5355;
const DOT = 5853;
const why = whyNot(NEEDS);

const folder = new Folder();
const address = loopback();
const [us, nsd, knot, stranger] = [address(1), address(2), address(3), address(4)];
/** It listens only where an interface has the address itself. */
const bind = "127.0.0.1";
const BIND_PORT = 20_000 + (process.pid % 10_000);
const programs: Program[] = [];
let api: Api;
let env: Record<string, string> = {};
const keys = new Map<string, { name: string; algorithm: string; secret: string }>();

const turnpike = async (...args: string[]) => {
  const { code, output } = await runTurnpike(args, env);
  if (code !== 0) throw new Error(`turnpike ${args.join(" ")}: ${output}`);
  return output;
};

/** What dig prints with these options; `from` is where it asks from. */
async function dig(server: string, ...args: string[]): Promise<string> {
  const port = server === us ? PORTS.dns : server === bind ? BIND_PORT : PEER_PORT;
  const how = ["+norecurse", "+time=2", "+tries=1", "+nocomments", "+nostats", "+nocmd"];
  return run(["dig", `@${server}`, "-p", String(port), ...how, ...args]).catch(String);
}

const short = async (server: string, name: string, type: string) =>
  (await dig(server, "+short", name, type))
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .sort();

const signedBy = (key: string) => {
  const { name, algorithm, secret } = keys.get(key)!;
  return `${algorithm}:${name}:${secret}`;
};

function secondary(name: string, at: string, primaryPort: number = PORTS.dns): Secondary {
  return {
    dir: folder.join(name),
    zone: "shop.test",
    address: at,
    port: at === bind ? BIND_PORT : PEER_PORT,
    primary: { address: us, port: primaryPort },
    key: keys.get("xfr")!,
  };
}

async function makeKey(key: string, ...args: string[]): Promise<void> {
  const made = JSON.parse(await turnpike("tsig", "create", key, "--json", ...args));
  keys.set(key, made);
}

/** A script for nsupdate, and what it said. */
async function nsupdate(key: string, lines: string, ...args: string[]): Promise<string> {
  const path = folder.file("update", `server ${us} ${PORTS.dns}\n${lines}\nsend\n`);
  const child = Bun.spawn(["nsupdate", "-y", signedBy(key), "-t", "3", ...args, path], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const said = await new Response(child.stderr).text();
  return (await child.exited) === 0 && said === "" ? "done" : said.trim();
}

const ZONE_FILE = `$ORIGIN shop.test.
$TTL 300
@ MX 10 mail
mail A 192.0.2.2
*.w TXT "a wildcard"
sub NS ns1.sub
ns1.sub A 192.0.2.9
www A 192.0.2.1
`;

/** With a listener for DNS over TLS. */
function nodeFile() {
  const file = smallNode({ address: us, data: folder.join("data") });
  const listen = { ...(file.listen as object), dot: `${us}:${DOT}` };
  return { ...file, listen, tls: { cert: folder.join("cert.pem"), key: folder.join("key.pem") } };
}

beforeAll(async () => {
  if (why !== null) return;
  const tls = selfSigned(["ns.cdn.example"], new Date());
  folder.file("cert.pem", tls.cert);
  folder.file("key.pem", tls.key);
  programs.push(startTurnpike(upArgs(folder, "all", nodeFile())));
  const url = `http://${us}:${PORTS.control}`;
  api = new Api(url);
  let token = "";
  const signIn = async () => {
    token = await api.signIn().catch(() => "");
    return token !== "";
  };
  await until(signIn, { what: "control to answer", withinMs: 20_000, everyMs: 100 });
  env = { TURNPIKE_URL: url, TURNPIKE_TOKEN: token };
  const network = smallNetwork({ address: us, origins: ["127.0.9.1", "127.0.9.2"] });
  const [customer] = network.customers as Record<string, unknown>[];
  const [site] = customer!.sites as Record<string, unknown>[];
  customer!.sites = [
    { ...site!, port: 80, onboarding: "delegation" },
    { ...site!, hostname: "steered.shop.test", port: 80, onboarding: "hosted" },
  ];
  customer!.zones = [{ name: "shop.test" }];
  await api.must("POST", "/apply", { network });
  await turnpike("zone", "import", "shop", folder.file("shop.test.zone", ZONE_FILE));
  await makeKey("xfr", "--customer", "shop", "--for", "transfer");
  await makeKey("long", "--customer", "shop", "--algorithm", "hmac-sha512");
  await makeKey("certs", "--customer", "shop", "--for", "acme");
}, 60_000);
afterAll(async () => {
  for (const program of programs.reverse()) await program.stop();
  folder.remove();
});

const story = (name: string, body: () => Promise<void>, limitMs = 40_000) =>
  testWith(NEEDS, name, body, limitMs);

describe("transfers", () => {
  story("are refused to everybody until they are configured, signed or not (D9)", async () => {
    await until(async () => (await short(us, "mail.shop.test", "A")).length === 1, {
      what: "the zone to be served",
    });
    const ask = (...args: string[]) => dig(us, "shop.test", "AXFR", ...args);
    // A key without a zone that names it is worth nothing.
    await until(
      async () => (await dig(us, "-y", signedBy("xfr"), "shop.test", "SOA")).includes("TSIG"),
      {
        what: "the key to be known",
      },
    );
    for (const how of [[], ["-y", signedBy("xfr")], ["-y", signedBy("certs")]]) {
      expect(await ask(...how)).toMatch(/Transfer failed|REFUSED/);
    }
  });

  story("go to whoever has the key and asks from an address that is named", async () => {
    const to = [us, `${nsd}:${PEER_PORT}`, `[::1]:53`];
    await turnpike("zone", "transfer", "shop.test", ...to, "--key", "xfr");
    const ask = (...args: string[]) => dig(us, "shop.test", ...args);
    await until(
      async () => (await ask("AXFR", "-y", signedBy("xfr"), "-b", us)).includes("mail.shop.test"),
      {
        what: "the transfer to be let",
      },
    );
    const zone = await ask("AXFR", "-y", signedBy("xfr"), "-b", us, "+onesoa");
    const rows = zone
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith(";") && !line.includes("TSIG"))
      .map((line) =>
        line
          .split(/\s+/)
          .filter((word) => word !== "IN")
          .join(" "),
      );
    expect(rows.slice(1).sort()).toEqual(
      [
        '*.w.shop.test. 300 TXT "a wildcard"',
        "mail.shop.test. 300 A 192.0.2.2",
        "ns1.sub.shop.test. 300 A 192.0.2.9",
        "shop.test. 300 MX 10 mail.shop.test.",
        "shop.test. 3600 NS ns1-shop.cdn.example.",
        "steered.shop.test. 20 A 127.0.9.1",
        "steered.shop.test. 20 A 127.0.9.2",
        "sub.shop.test. 300 NS ns1.sub.shop.test.",
        "www.shop.test. 300 A 192.0.2.1",
      ].sort(),
    );
    expect(rows[0]).toContain("shop.test. 3600 SOA ns1-shop.cdn.example.");
    // IXFR is answered as a whole transfer (RFC 1995 4).
    const ixfr = await ask("IXFR=1", "-y", signedBy("xfr"), "-b", us);
    expect(ixfr).toContain("mail.shop.test.");
    const wrong = { ...keys.get("xfr")!, secret: Buffer.alloc(32, 9).toString("base64") };
    for (const [how, from] of [
      [signedBy("xfr"), stranger],
      [signedBy("long"), us],
      [signedBy("certs"), us],
      [`${wrong.algorithm}:${wrong.name}:${wrong.secret}`, us],
      [`hmac-sha256:nobody.shop:${wrong.secret}`, us],
    ] as const) {
      const said = await ask("AXFR", "-y", how, "-b", from);
      expect(said).toMatch(/Transfer failed|REFUSED|NOTAUTH/);
      expect(said).not.toContain("mail.shop.test");
    }
    // Over UDP there are no transfers, and other zones have none.
    expect(await ask("IXFR=1", "+notcp", "-y", signedBy("xfr"), "-b", us)).not.toContain("mail.");
    const other = await dig(us, "cdn.example", "AXFR", "-y", signedBy("xfr"), "-b", us);
    expect(other).toMatch(/Transfer failed|REFUSED/);
  });

  story(
    "NSD fetches the zone, and again when it is told that it changed",
    async () => {
      programs.push(startNsd(secondary("nsd", nsd)));
      const has = (name: string, value: string) => async () =>
        (await short(nsd, name, "A")).includes(value);
      await until(has("mail.shop.test", "192.0.2.2"), { what: "NSD to serve", withinMs: 20_000 });
      expect(await short(nsd, "steered.shop.test", "A")).toEqual(["127.0.9.1", "127.0.9.2"]);
      await turnpike("zone", "set", "shop.test", "new", "A", "192.0.2.77");
      // Its own refresh is an hour away: it was told.
      await until(has("new.shop.test", "192.0.2.77"), { what: "NSD to be told", withinMs: 20_000 });
    },
    60_000,
  );

  story(
    "Knot fetches it, and asks for what changed (IXFR) when it is told",
    async () => {
      const to = [us, `${nsd}:${PEER_PORT}`, `${knot}:${PEER_PORT}`];
      await turnpike("zone", "transfer", "shop.test", ...to, "--key", "xfr");
      const program = startKnot(secondary("knot", knot));
      programs.push(program);
      const has = (name: string, value: string) => async () =>
        (await short(knot, name, "A")).includes(value);
      await until(has("mail.shop.test", "192.0.2.2"), { what: "Knot to serve", withinMs: 20_000 });
      expect(await short(knot, "steered.shop.test", "A")).toEqual(["127.0.9.1", "127.0.9.2"]);
      expect(await short(knot, "any.w.shop.test", "TXT")).toEqual(['"a wildcard"']);
      await turnpike("zone", "set", "shop.test", "newest", "A", "192.0.2.79");
      await until(has("newest.shop.test", "192.0.2.79"), {
        what: "Knot to be told",
        withinMs: 20_000,
      });
      // What it writes down is here a moment after what it answers.
      await until(() => program.output.includes("IXFR, incoming"), { what: "Knot to say so" });
    },
    60_000,
  );

  story(
    "BIND fetches it over TLS (RFC 9103), and again when it is told",
    async () => {
      const to = [us, `${nsd}:${PEER_PORT}`, `${bind}:${BIND_PORT}`];
      await turnpike("zone", "transfer", "shop.test", ...to, "--key", "xfr");
      programs.push(startBind({ ...secondary("bind-tls", bind, DOT), tls: true }));
      const has = (name: string, value: string) => async () =>
        (await short(bind, name, "A")).includes(value);
      const soon = { withinMs: 20_000 };
      await until(has("mail.shop.test", "192.0.2.2"), { what: "BIND to serve", ...soon });
      await turnpike("zone", "set", "shop.test", "sealed", "A", "192.0.2.80");
      await until(has("sealed.shop.test", "192.0.2.80"), { what: "BIND to be told", ...soon });
      await programs.pop()!.stop();
    },
    60_000,
  );

  story(
    "BIND, which asks by signed UDP first, serves it too",
    async () => {
      programs.push(startBind(secondary("bind", bind)));
      const has = (name: string, value: string) => async () =>
        (await short(bind, name, "A")).includes(value);
      await until(has("mail.shop.test", "192.0.2.2"), { what: "BIND to serve", withinMs: 20_000 });
      expect(await short(bind, "any.w.shop.test", "TXT")).toEqual(['"a wildcard"']);
      await turnpike("zone", "set", "shop.test", "newer", "A", "192.0.2.78");
      await until(has("newer.shop.test", "192.0.2.78"), {
        what: "BIND to be told",
        withinMs: 20_000,
      });
      await turnpike("zone", "transfer", "shop.test", "--off");
      const refused = async () => {
        const said = await dig(us, "shop.test", "AXFR", "-y", signedBy("xfr"), "-b", us);
        return /Transfer failed|REFUSED/.test(said);
      };
      await until(refused, { what: "transfers to be off" });
    },
    60_000,
  );
});

describe("updates of challenges", () => {
  const NAME = "_acme-challenge.www.shop.test";

  story("nsupdate sets and removes them over UDP and TCP; nothing else may be set", async () => {
    const value = "gfj9Xq-Rg85nM_0123456789abcdefghijklmnopqrs";
    const add = `zone shop.test\nupdate add ${NAME} 60 TXT "${value}"`;
    expect(await nsupdate("certs", add)).toBe("done");
    await until(async () => (await short(us, NAME, "TXT")).join() === `"${value}"`, {
      what: "the challenge to be served",
    });
    // Two at once, as for a name and its wildcard; by TCP.
    expect(await nsupdate("certs", `zone shop.test\nupdate add ${NAME} 60 TXT two`, "-v")).toBe(
      "done",
    );
    await until(async () => (await short(us, NAME, "TXT")).length === 2, { what: "both" });
    expect(await nsupdate("certs", `zone shop.test\nupdate delete ${NAME} TXT two`)).toBe("done");
    await until(async () => (await short(us, NAME, "TXT")).length === 1, { what: "one" });
    expect(await nsupdate("certs", `zone shop.test\nupdate delete ${NAME} TXT`)).toBe("done");
    await until(async () => (await short(us, NAME, "TXT")).length === 0, { what: "none" });
    // At a delegated hostname, which its own parent could not answer for.
    const own = "_acme-challenge.www.shop.example";
    const other = `zone www.shop.example\nupdate add ${own} 60 TXT mine`;
    expect(await nsupdate("certs", other)).toBe("done");
    await until(async () => (await short(us, own, "TXT")).join() === '"mine"', { what: "it" });
    for (const [key, lines, said] of [
      ["xfr", add, "REFUSED"],
      ["certs", "zone shop.test\nupdate add www.shop.test 60 A 192.0.2.66", "REFUSED"],
      ["certs", "zone shop.test\nupdate add www.shop.test 60 TXT hello", "REFUSED"],
      ["certs", `zone shop.test\nupdate add ${NAME} 60 CNAME www.shop.test.`, "REFUSED"],
      ["certs", `zone shop.test\nupdate delete www.shop.test`, "REFUSED"],
      ["certs", `zone shop.test\nprereq nxdomain ${NAME}\nupdate add ${NAME} 60 TXT x`, "REFUSED"],
      ["certs", `zone cdn.example\nupdate add _acme-challenge.cdn.example 60 TXT x`, "NOTAUTH"],
      [
        "certs",
        `zone elsewhere.test\nupdate add _acme-challenge.elsewhere.test 60 TXT x`,
        "NOTAUTH",
      ],
    ] as const) {
      expect([lines, await nsupdate(key, lines)]).toEqual([lines, expect.stringContaining(said)]);
    }
    expect(await short(us, "www.shop.test", "A")).toEqual(["192.0.2.1"]);
  });

  story(
    "they outlive a restart of control and of the name server",
    async () => {
      const add = `zone shop.test\nupdate add ${NAME} 60 TXT lasting`;
      expect(await nsupdate("certs", add)).toBe("done");
      await until(async () => (await short(us, NAME, "TXT")).join() === '"lasting"', {
        what: "it",
      });
      await programs[0]!.stop();
      programs.push(startTurnpike(upArgs(folder, "again", nodeFile())));
      await until(async () => (await short(us, NAME, "TXT")).join() === '"lasting"', {
        what: "it after a restart",
        withinMs: 25_000,
        everyMs: 100,
      });
    },
    60_000,
  );
});
