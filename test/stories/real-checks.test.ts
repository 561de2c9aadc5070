import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { findProgram, whyNot } from "../lab/needs.ts";
import { vsftpdConf } from "../lab/peers.ts";
import { Program, until } from "../lab/process.ts";
import { PORTS, smallNetwork, smallNode, upArgs } from "../lab/small-network.ts";
import { type Alter, type Ill, type Turn, Turncoat, UdpTurncoat } from "../lab/turncoat.ts";
import { Api, Folder, loopback, startTurnpike } from "../lab/turnpike.ts";
import { UNREAD, VERDICTS } from "./real-checks-verdicts.ts";

const NEEDS = ["root", "nginx", "vsftpd", "snmpd", "prometheus-node-exporter", "unbound"];
const why = whyNot(NEEDS);
const story = why === null ? test : test.skip;
const reason = why === null ? "" : ` [skipped: ${why}]`;

const RSS_GROWTH_MAX = 200 * 1024 * 1024;
const folder = new Folder();
const at = loopback();
/** The real servers, and what stands before each of them. */
const REAL = at(9);
const SERVER = at(8);
const TLS_PORT = 8443;
/** Another server's certificate, which nobody trusts. */
const OTHER_PORT = 8444;
const DNS_PORT = 5300;
const SNMP_PORT = 1161;
const FTP_DATA_PORT = 30_021;
const EXPORTER = `http://${SERVER}:9100/metrics`;
const V3 = {
  user: "probe",
  auth: "sha256",
  authPassword: "sesame sesame",
  privPassword: "open sesame",
};
const programs = new Map<string, Program>();
const api = new Api(`http://${at(1)}:${PORTS.control}`);
let turnpike: Program | null = null;

/** One site for each kind of check, all on one machine of real servers. */
const SITES: Readonly<Record<string, { check: object; origin?: object; site?: object }>> = {
  http: { check: { http: { path: "/", bodyHas: "all well", statuses: [200] } } },
  http2: {
    site: { scheme: "https", port: TLS_PORT },
    check: { http: { path: "/", version: 2, bodyHas: "all well" } },
    origin: { loadUrl: `http://${SERVER}:${PORTS.origin}/load.xml` },
  },
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
  icmp: { check: { http: null, icmp: true }, origin: { snmp: { port: SNMP_PORT, v3: V3 } } },
};

const says = (text: string) => (socket: Socket) => void socket.end(text);
const answers = (text: string) => (socket: Socket) => {
  socket.write("220 Welcome\r\n");
  socket.on("data", () => socket.write(text));
};
const busy = says("HTTP/1.1 503 Busy\r\nContent-Length: 6\r\n\r\nsecret");
const lies = says("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");

/** An answer of DNS that names another address, or refuses. */
const otherAddress: Alter = (_, answer) => {
  for (let at = 0; at + 4 <= answer.length; at++) {
    if (answer[at] === 192 && answer[at + 1] === 0 && answer[at + 2] === 2) answer[at + 3] = 56;
  }
  return answer;
};
const servfail: Alter = (_, answer) => {
  answer[3] = (answer[3]! & 0xf0) | 2;
  return answer;
};
/** The question back as its answer: every value is missing. */
const nothing: Alter = (question) => {
  const at = question.findIndex((byte) => byte === 0xa0 || byte === 0xa5);
  const answer = question.slice();
  if (at >= 0) answer[at] = 0xa2;
  return answer;
};

const turncoats: Turncoat[] = [];
const udpTurncoats: UdpTurncoat[] = [];

async function startTurncoats(): Promise<void> {
  const before = (port: number, ill: Partial<Ill>) => {
    turncoats.push(new Turncoat({ host: SERVER, port }, { host: REAL, port }, ill));
  };
  before(PORTS.origin, { fail: busy, lie: lies });
  const other = (socket: Socket) => void socket.pipe(connect(OTHER_PORT, REAL)).pipe(socket);
  before(TLS_PORT, { lie: other });
  before(9100, { fail: busy, lie: lies });
  before(21, { fail: says("421 secret\r\n"), lie: answers("530 secret\r\n") });
  before(FTP_DATA_PORT, {});
  for (const [port, ill] of [
    [DNS_PORT, { fail: servfail, lie: otherAddress }],
    [SNMP_PORT, { fail: nothing, lie: nothing }],
  ] as const) {
    const made = new UdpTurncoat({ host: SERVER, port }, { host: REAL, port }, ill);
    await made.start();
    udpTurncoats.push(made);
  }
}

function turnAll(turn: Turn): void {
  for (const one of [...turncoats, ...udpTurncoats]) one.turn = turn;
}

interface Live {
  readonly state: string;
  readonly sources: readonly { readonly kind: string; readonly detail: string }[];
  readonly warnings?: readonly string[];
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
  writeFileSync(
    join(dir, "www/load.xml"),
    "<load><current>7</current><target>10</target><maximum>20</maximum></load>",
  );
  const other = selfSigned(["www.other.example"], new Date());
  writeFileSync(join(dir, "other-cert.pem"), other.cert);
  writeFileSync(join(dir, "other-key.pem"), other.key);
  writeFileSync(join(dir, "cert.pem"), cert);
  writeFileSync(join(dir, "key.pem"), key);
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${dir}/temp;`,
  );
  writeFileSync(
    join(dir, "nginx.conf"),
    `user root; daemon off; worker_processes 1; pid ${dir}/pid; error_log stderr; events {}
http { access_log off; ${temp.join(" ")}
  server { listen ${REAL}:${OTHER_PORT} ssl; root ${dir}/www;
    ssl_certificate ${dir}/other-cert.pem; ssl_certificate_key ${dir}/other-key.pem; }
  server { listen ${REAL}:${PORTS.origin}; listen ${REAL}:${TLS_PORT} ssl http2; root ${dir}/www;
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
  interface: ${REAL}
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
    `agentaddress udp:${REAL}:${SNMP_PORT}
rocommunity public 127.0.0.0/8
createUser ${V3.user} SHA-256 "${V3.authPassword}" AES "${V3.privPassword}"
rouser ${V3.user} priv
`,
  );
  // Where it keeps what it makes of users, and how often it was started.
  process.env.SNMP_PERSISTENT_DIR = folder.join("snmp");
  start("snmpd", "-f", "-C", "-c", snmpd, "-p", folder.join("snmpd.pid"), "-Le");
  start("prometheus-node-exporter", `--web.listen-address=${REAL}:9100`);
  const dir = folder.join("ftp");
  start("vsftpd", vsftpdConf({ dir, address: REAL, dataPort: FTP_DATA_PORT }));
}

/** Of a program and all that it started. */
function treeRssBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kib = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    const below = children.filter(Boolean).map((child) => treeRssBytes(Number(child)));
    return kib * 1024 + below.reduce((sum, bytes) => sum + bytes, 0);
  } catch {
    return 0;
  }
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
    await startTurncoats();
    const args = upArgs(folder, "node", smallNode({ address: at(1), data: folder.join("data") }));
    turnpike = startTurnpike(args, { NODE_EXTRA_CA_CERTS: folder.file("ca.pem", cert) });
    await turnpike.says("ready");
    await api.signIn();
    const sites = Object.entries(SITES).map(([kind, { check, origin, site }]) => ({
      hostname: `${kind}.shop.example`,
      port: PORTS.origin,
      ...site,
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
    for (const one of [...turncoats, ...udpTurncoats]) await one.close();
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
      await tells("icmp", "cpu", "SNMP: busy");
      await tells("http2", "reported", "current 7, target 10, maximum 20");
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
      const pushed = await api.must("POST", path, { current: 30, target: 10, ttlSec: 60 });
      expect(pushed.load).toBe(3);
      await becomes("icmp", "told 3", (seen) =>
        seen.sources.some((one) => one.detail === "pushed: current 30, target 10"),
      );
      const client = "198.51.100.7";
      const why = await api.must("GET", `/explain?name=icmp.shop.example&client=${client}`);
      // More than the machine itself can be busy, which is asked as well.
      expect(why.decision.reasons[0]).toMatchObject({ load: 3, loadFrom: "reported" });
    },
    60_000,
  );

  story(
    `each that hangs, fails, lies, resets or sends garbage without end is down, in words of ours${reason}`,
    async () => {
      const rssBefore = treeRssBytes(turnpike!.pid);
      for (const [turn, verdicts] of Object.entries(VERDICTS)) {
        turnAll(turn as Turn);
        for (const [kind, words] of Object.entries(verdicts)) {
          const failing = words.source !== "^$";
          await becomes(kind, `${turn}: ${words.source}`, (seen) => {
            const state = failing ? "down" : "up";
            return seen.state === state && words.test(seen.views[0]?.failure ?? "none");
          });
        }
        for (const [kind, words] of Object.entries(UNREAD[turn]!)) {
          await becomes(kind, `${turn}: ${words.source}`, (seen) => {
            return seen.warnings?.some((one) => words.test(one)) === true;
          });
        }
        for (const kind of Object.keys(SITES)) {
          expect(JSON.stringify(await live(kind))).not.toContain("secret");
        }
      }
      expect(treeRssBytes(turnpike!.pid) - rssBefore).toBeLessThan(RSS_GROWTH_MAX);
      turnAll("pass");
      await becomes("tcp", "read again", (seen) => seen.warnings === undefined);
    },
    240_000,
  );

  story(
    `each that is stopped or killed is down, with the reason; a source that dies is gone${reason}`,
    async () => {
      const down = async (kind: string, failure: RegExp) => {
        const seen = await becomes(kind, "down", (one) => one.state === "down");
        expect([kind, seen.views[0]?.failure]).toEqual([kind, expect.stringMatching(failure)]);
      };
      await becomes("ftp", "up again", (seen) => seen.state === "up");
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
      await down("dns", /^timeout$/);
      await programs.get("nginx")!.kill();
      await down("http", /^(not http|reset)$/);
      // And nobody stands before them any more.
      for (const one of [...turncoats.splice(0), ...udpTurncoats.splice(0)]) await one.close();
      for (const kind of ["http", "http2", "tls", "tcp", "dns", "ftp"]) {
        await becomes(kind, "refused", (seen) => seen.views[0]?.failure === "refused");
      }
      expect((await live("icmp"))?.state).toBe("up");
    },
    120_000,
  );
});
