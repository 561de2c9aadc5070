import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { findProgram, whyNot } from "../lab/needs.ts";
import { vsftpdConf } from "../lab/peers.ts";
import { Program, until } from "../lab/process.ts";
import { PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";

const NEEDS = ["root", "nginx", "vsftpd", "snmpd", "prometheus-node-exporter", "unbound"];
const why = whyNot(NEEDS);
const story = why === null ? test : test.skip;
const reason = why === null ? "" : ` [skipped: ${why}]`;

const folder = new Folder();
const at = loopback();
const SERVER = at(9);
const TLS_PORT = 8443;
const DNS_PORT = 5300;
const SNMP_PORT = 1161;
const EXPORTER = `http://${SERVER}:9100/metrics`;
const programs = new Map<string, Program>();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
let turnpike: Program | null = null;

/** One site for each kind of check, all on one machine of real servers. */
const SITES: Readonly<Record<string, { check: object; origin?: object }>> = {
  http: { check: { http: { path: "/", bodyHas: "all well", statuses: [200] } } },
  tls: { check: { http: null, tls: { port: TLS_PORT } } },
  tcp: { check: { http: null, tcp: true }, origin: { exporter: EXPORTER } },
  ftp: {
    check: { http: null, ftp: { path: "probe.txt" } },
    origin: { loadUrl: `http://${SERVER}:${PORTS.origin}/load` },
  },
  dns: {
    check: {
      http: null,
      dns: { name: "up.test.example", port: DNS_PORT, expect: "192.0.2.55" },
    },
    origin: { snmp: { port: SNMP_PORT } },
  },
  icmp: { check: { http: null, icmp: true } },
};

interface Live {
  readonly state: string;
  readonly sources: readonly { readonly kind: string; readonly detail: string }[];
  readonly views: readonly {
    readonly failure: string;
    readonly certificateDays?: number;
    readonly timings?: Readonly<Record<string, number | null>>;
  }[];
}

async function live(kind: string): Promise<Live | undefined> {
  const answer = await api.call("GET", `/customers/shop/sites/${kind}.shop.example/live`);
  return answer.status === 200 ? answer.body.origins[0] : undefined;
}

async function becomes(kind: string, what: string, is: (seen: Live) => boolean): Promise<Live> {
  let seen: Live | undefined;
  const holds = async () => {
    seen = await live(kind);
    return seen !== undefined && is(seen);
  };
  try {
    await until(holds, { what: `${kind} to be ${what}`, withinMs: 30_000, everyMs: 200 });
  } catch (error) {
    throw new Error(`${String(error)}: ${JSON.stringify(seen)}`);
  }
  return seen!;
}

function start(name: string, ...args: readonly string[]): void {
  programs.set(name, new Program([findProgram(name) ?? name, ...args], { name }));
}

function startNginx(cert: string, key: string): void {
  const dir = folder.join("nginx");
  mkdirSync(join(dir, "www"), { recursive: true });
  writeFileSync(join(dir, "www/index.html"), "<p>all well</p>");
  writeFileSync(join(dir, "www/load"), '{"current": 30, "target": 120, "maximum": 200}');
  writeFileSync(join(dir, "cert.pem"), cert);
  writeFileSync(join(dir, "key.pem"), key);
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${dir}/temp;`,
  );
  writeFileSync(
    join(dir, "nginx.conf"),
    `user root; daemon off; worker_processes 1; pid ${dir}/pid; error_log stderr; events {}
http { access_log off; ${temp.join(" ")}
  server { listen ${SERVER}:${PORTS.origin}; listen ${SERVER}:${TLS_PORT} ssl; root ${dir}/www;
    ssl_certificate ${dir}/cert.pem; ssl_certificate_key ${dir}/key.pem;
    add_header endpoint-load-metrics "TEXT application_utilization=0.42, cpu_utilization=0.1";
  } }`,
  );
  start("nginx", "-c", join(dir, "nginx.conf"));
}

function startPeers(): void {
  const unbound = folder.file(
    "unbound.conf",
    `server:
  interface: ${SERVER}
  port: ${DNS_PORT}
  access-control: 127.0.0.0/8 allow
  directory: "${folder.path}"
  chroot: ""
  username: ""
  pidfile: "${folder.path}/unbound.pid"
  use-syslog: no
  logfile: ""
  local-zone: "test.example." static
  local-data: "up.test.example. 60 IN A 192.0.2.55"
remote-control:
  control-enable: no
`,
  );
  start("unbound", "-d", "-c", unbound);
  const snmpd = folder.file(
    "snmpd.conf",
    `agentaddress udp:${SERVER}:${SNMP_PORT}\nrocommunity public 127.0.0.0/8\n`,
  );
  start("snmpd", "-f", "-C", "-c", snmpd, "-p", folder.join("snmpd.pid"), "-Le");
  start("prometheus-node-exporter", `--web.listen-address=${SERVER}:9100`);
  const dir = folder.join("ftp");
  start("vsftpd", vsftpdConf({ dir, address: SERVER }));
}

describe("checks and load sources against what Debian has", () => {
  beforeAll(async () => {
    if (why !== null) return;
    const { cert, key } = selfSigned(
      Object.keys(SITES).map((kind) => `${kind}.shop.example`),
      new Date(),
    );
    startNginx(cert, key);
    startPeers();
    const args = upArgs(folder, "node", smallNode({ address: at(1), data: folder.join("data") }));
    turnpike = startTurnpike(args, { NODE_EXTRA_CA_CERTS: folder.file("ca.pem", cert) });
    await turnpike.says("ready");
    await api.signIn();
    const sites = Object.entries(SITES).map(([kind, { check, origin }]) => ({
      hostname: `${kind}.shop.example`,
      port: PORTS.origin,
      check,
      origins: [{ name: "real", v4: SERVER, ftpPort: 21, ...origin }],
    }));
    const customers = [{ name: "shop", plan: "by-use", sites }];
    const network = { ...smallNetwork({ address: at(1), origins: [] }), customers };
    await api.must("POST", "/apply", { network });
  }, 60_000);

  afterAll(async () => {
    await turnpike?.kill();
    for (const program of programs.values()) {
      program.signal("SIGCONT");
      await program.kill();
    }
    folder.remove();
  }, 30_000);

  story(
    `every kind of check passes a right server${reason}`,
    async () => {
      for (const kind of Object.keys(SITES)) {
        const seen = await becomes(kind, "up", (one) => one.state === "up");
        expect([kind, seen.views.map((view) => view.failure)]).toEqual([kind, [""]]);
      }
      const [view] = (await live("tls"))!.views;
      expect(view).toMatchObject({ certificateDays: 0 });
      expect(view!.timings!.tlsMs).toBeGreaterThan(view!.timings!.connectMs!);
    },
    120_000,
  );

  story(
    `node_exporter, snmpd, a load object and ORCA tell load, each in its words${reason}`,
    async () => {
      const tells = (kind: string, source: string, words: string) =>
        becomes(kind, `told ${words}`, (seen) =>
          seen.sources.some((one) => one.kind === source && one.detail.includes(words)),
        );
      await tells("tcp", "cpu", "busy");
      await tells("tcp", "memory", "GiB");
      await tells("dns", "cpu", "SNMP: busy");
      await tells("dns", "memory", "SNMP: used");
      await tells("ftp", "reported", "current 30, target 120, maximum 200");
      await tells("http", "reported", "ORCA: application at 42 %");
      await tells("tls", "tls", "certificate ends in 0 days");
    },
    120_000,
  );

  story(
    `a load that is pushed counts, and explain says who told it${reason}`,
    async () => {
      const path = "/customers/shop/sites/icmp.shop.example/origins/real/load";
      const pushed = await api.must("POST", path, { current: 9, target: 10, ttlSec: 60 });
      expect(pushed.load).toBe(0.9);
      await becomes("icmp", "told 0.9", (seen) =>
        seen.sources.some((one) => one.detail === "pushed: current 9, target 10"),
      );
      const client = "198.51.100.7";
      const why = await api.must("GET", `/explain?name=icmp.shop.example&client=${client}`);
      expect(why.decision.reasons[0]).toMatchObject({ load: 0.9, loadFrom: "reported" });
    },
    60_000,
  );

  story(
    `each that hangs or dies is down, with the reason; a source that dies is gone${reason}`,
    async () => {
      const down = async (kind: string, failure: RegExp) => {
        const seen = await becomes(kind, "down", (one) => one.state === "down");
        expect([kind, seen.views[0]?.failure]).toEqual([kind, expect.stringMatching(failure)]);
      };
      programs.get("vsftpd")!.signal("SIGSTOP");
      await down("ftp", /^timeout$/);
      await programs.get("snmpd")!.kill();
      await programs.get("prometheus-node-exporter")!.kill();
      for (const kind of ["dns", "tcp"]) {
        await becomes(kind, "without cpu", (seen) =>
          seen.sources.every((one) => one.kind !== "cpu"),
        );
        expect((await live(kind))?.state).toBe("up");
      }
      await programs.get("unbound")!.kill();
      await down("dns", /^refused$/);
      await programs.get("nginx")!.kill();
      for (const kind of ["http", "tls", "tcp"]) await down(kind, /^refused$/);
      expect((await live("icmp"))?.state).toBe("up");
    },
    120_000,
  );
});
