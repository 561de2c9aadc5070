// The tools that people have ask us every kind of question: dig over UDP, TCP, TLS and HTTPS, kdig over
// TLS and HTTPS, drill; all read the same code and the same number of records. (delv: dnssec.test.ts.)
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { Listening } from "../../src/edge/listen.ts";
import { openDoh } from "../lab/doh-door.ts";
import { testWith } from "../lab/needs.ts";
import { Program } from "../lab/process.ts";
import { DENIED, LIVE, type SignedServer, startSigned } from "../lab/signed-world.ts";

let server: SignedServer;
let door: Listening;
beforeAll(async () => {
  const tls = selfSigned(["ns.cdn.example"], new Date());
  server = await startSigned({ tls, listen: { tls: { hosts: ["127.0.0.1"], port: 0 } } });
  door = await openDoh(server.dns, tls);
});
afterAll(async () => {
  await door.stop();
  await server.dns.stop();
});

interface Asked {
  readonly name: string;
  readonly type: string;
  readonly dnssec: boolean;
}

const port = () => String(server.port);

function portFor(how: readonly string[]): string {
  if (how.some((word) => word.startsWith("+https"))) return String(door.port);
  return how.includes("+tls") ? String(server.dns.tlsPort) : port();
}

/** dig and kdig take many questions at once; a start of theirs costs a tenth of a second. */
function dig(how: readonly string[], asked: readonly Asked[], tool = "dig"): readonly string[] {
  const common = ["@127.0.0.1", "-p", portFor(how), ...how];
  const each = asked.flatMap(({ name, type, dnssec }) => {
    return [name, type, dnssec ? "+dnssec" : "+nodnssec", "+norecurse"];
  });
  return [tool, ...common, ...each];
}

function drill(how: readonly string[], { name, type, dnssec }: Asked): readonly string[] {
  const flags = ["-o", "rd", "-p", port(), ...how, ...(dnssec ? ["-D"] : [])];
  return ["drill", ...flags, name, "@127.0.0.1", type];
}

/** What a tool printed of one question, and what it read: response code and how many answers. */
interface Said {
  readonly output: string;
  readonly said: readonly [string | undefined, number];
}

async function run(command: readonly string[]): Promise<Said[]> {
  const program = new Program(command);
  const code = await program.ended();
  const { output } = program;
  expect([command.join(" "), code]).toEqual([command.join(" "), 0]);
  expect(output).not.toMatch(/warning: (?!recursion)|malformed|trailing|mismatch/i);
  const parts = output.split(/(?=;; ->>HEADER<<-)/).filter((part) => part.includes("HEADER"));
  return parts.map((part) => {
    const rcode = /(?:status|rcode): ([A-Z]+)/.exec(part)?.[1];
    return { output: part, said: [rcode, Number(/ANSWER: (\d+)/.exec(part)?.[1] ?? -1)] };
  });
}

/** Each tool and what it is asked by: the answers come in the order of the questions. */
const TOOLS: Readonly<Record<string, (asked: readonly Asked[]) => Promise<Said[]>>> = {
  dig: (asked) => run(dig([], asked)),
  "dig +tcp": (asked) => run(dig(["+tcp"], asked)),
  "dig +tls": (asked) => run(dig(["+tls"], asked)),
  "dig +https": (asked) => run(dig(["+https"], asked)),
  "dig +https-get": (asked) => run(dig(["+https-get"], asked)),
  "kdig +tls": (asked) => run(dig(["+tls"], asked, "kdig")),
  "kdig +https": (asked) => run(dig(["+https"], asked, "kdig")),
  "kdig +https-get": (asked) => run(dig(["+https", "+https-get"], asked, "kdig")),
  "drill -t": async (asked) => {
    const said: Said[] = [];
    for (const one of asked) said.push(...(await run(drill(["-t"], one))));
    return said;
  },
};

/** Each name and type, without DO and with it. */
function bothWays(list: readonly (readonly [string, string])[]): Asked[] {
  return list.flatMap(([name, type]) => [false, true].map((dnssec) => ({ name, type, dnssec })));
}

describe.each(Object.entries(TOOLS))("%s", (tool, ask) => {
  const needs = [tool.split(" ")[0]!];

  testWith(needs, "reads every kind of answer, with its signatures and without", async () => {
    const asked = bothWays(LIVE);
    const all = await ask(asked);
    expect(all).toHaveLength(asked.length);
    for (const [i, { name, type, dnssec }] of asked.entries()) {
      const { output, said } = all[i]!;
      expect([name, type, said[0]]).toEqual([name, type, "NOERROR"]);
      expect(said[1]).toBeGreaterThan(dnssec ? all[i - 1]!.said[1] : 0);
      expect([name, type, /\sRRSIG\s/.test(output)]).toEqual([name, type, dnssec]);
    }
  });

  testWith(needs, "reads every kind of denial: by its code, and by its proof", async () => {
    const asked = bothWays(DENIED);
    const all = await ask(asked);
    expect(all).toHaveLength(asked.length);
    for (const [i, { name, type, dnssec }] of asked.entries()) {
      const { output, said } = all[i]!;
      // A CNAME stays among the answers of a name that is not there.
      const alias = name.startsWith("gone") ? 1 : 0;
      const absent = /^(?:none|below|gone|nothing|a\.www)/.test(name);
      // Compact denial (RFC 9824): the code says NOERROR, the proof that there is no such name.
      const code = absent && !dnssec ? "NXDOMAIN" : "NOERROR";
      expect([name, type, said]).toEqual([name, type, [code, dnssec ? alias * 2 : alias]]);
      expect([name, type, /\sNSEC\s/.test(output)]).toEqual([name, type, dnssec]);
    }
  });
});

describe("what else tools ask for", () => {
  const one = (name: string, type: string): Asked[] => [{ name, type, dnssec: false }];

  testWith(["kdig"], "kdig pads over TLS, and is answered in padded blocks", async () => {
    const command = dig(["+tls", "+padding"], one("c.cdn.example", "A"), "kdig");
    const [{ output }] = (await run(command)) as [Said];
    expect(output).toMatch(/PADDING: \d+ B/);
    expect(output).toMatch(/Received 468 B/);
  });

  testWith(["kdig"], "kdig over HTTPS is answered padded, as an HTTP/2 client", async () => {
    const program = new Program(dig(["+https", "+padding"], one("c.cdn.example", "A"), "kdig"));
    await program.ended();
    expect(program.output).toMatch(
      /HTTP session \(HTTP\/2-POST\)-\(127\.0\.0\.1(?::\d+)?\/dns-query\)/,
    );
    expect(program.output).toContain("(status: 200)");
    expect(program.output).toContain("Received 468 B");
  });

  testWith(["dig"], "dig is told the subnet's scope, and never AD", async () => {
    const asked = one("c.cdn.example", "A");
    const [{ output }] = (await run(dig(["+subnet=198.51.100.77/32"], asked))) as [Said];
    expect(output).toMatch(/CLIENT-SUBNET: 198\.51\.100\.77\/32\/24/);
    expect(output).not.toMatch(/flags:[^;]*\bad\b/);
  });

  testWith(["dig"], "dig gets what is too long over UDP by asking again over TCP", async () => {
    const program = new Program(dig([], one("big.hosted.example", "TXT")));
    await program.ended();
    expect(program.output).toContain("Truncated, retrying in TCP mode");
    expect(program.output).toContain("ANSWER: 1");
  });

  testWith(["drill"], "drill reads an address over UDP", async () => {
    const [{ output, said }] = (await run(drill([], one("c.cdn.example", "A")[0]!))) as [Said];
    expect(said).toEqual(["NOERROR", 1]);
    expect(output).toContain("127.1.0.1");
  });

  testWith(["dig"], "dig is refused a transfer and our version", async () => {
    const transfer = new Program(dig([], one("hosted.example", "AXFR")));
    await transfer.ended();
    expect(transfer.output).toContain("Transfer failed");
    const [{ said }] = (await run([...dig([], one("version.bind", "TXT")), "CH"])) as [Said];
    expect(said).toEqual(["REFUSED", 0]);
  });
});
