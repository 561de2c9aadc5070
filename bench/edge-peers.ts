import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface PeerStart {
  readonly dir: string;
  readonly address: string;
  readonly http: number;
  readonly https: number;
  readonly origin: { readonly address: string; readonly port: number };
  /** PEM files. */
  readonly cert: string;
  readonly key: string;
  /** The command that pins what follows to the server's core. */
  readonly pin: readonly string[];
}

export interface Peer {
  readonly name: string;
  readonly speaksTls: boolean;
  /** Its version, or null when it is not installed. */
  version(): string | null;
  start(o: PeerStart): ChildProcess;
}

function versionFrom(command: string, pattern: RegExp): string | null {
  const done = spawnSync(command, ["-V"], { encoding: "utf8" });
  if (done.error !== undefined) return null;
  return pattern.exec(done.stderr + done.stdout)?.[1] ?? "of unknown version";
}

const nginx: Peer = {
  name: "nginx",
  speaksTls: true,
  version: () => versionFrom("nginx", /nginx\/([\d.]+)/),
  start(o) {
    mkdirSync(o.dir, { recursive: true });
    const path = join(o.dir, "nginx.conf");
    writeFileSync(path, nginxConfig(o));
    const args = ["nginx", "-p", o.dir, "-c", path, "-e", join(o.dir, "error.log")];
    return spawn(o.pin[0]!, [...o.pin.slice(1), ...args], { stdio: "ignore" });
  },
};

/** One worker, logs off, files kept open: what its documentation recommends for a busy cache. */
function nginxConfig(o: PeerStart): string {
  return `
daemon off; worker_processes 1; user root; pid ${o.dir}/nginx.pid;
error_log ${o.dir}/error.log crit; worker_rlimit_nofile 65536;
events { worker_connections 8192; }
http {
  access_log off; sendfile on; tcp_nodelay on; keepalive_requests 100000000; keepalive_timeout 300;
  client_body_temp_path ${o.dir}/body; fastcgi_temp_path ${o.dir}/f; uwsgi_temp_path ${o.dir}/u;
  scgi_temp_path ${o.dir}/s; proxy_temp_path ${o.dir}/tmp;
  open_file_cache max=20000 inactive=300s; open_file_cache_valid 300s;
  proxy_cache_path ${o.dir}/cache levels=1:2 keys_zone=bench:32m max_size=2g inactive=1h use_temp_path=off;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
  upstream origin { server ${o.origin.address}:${o.origin.port}; keepalive 16; }
  server {
    listen ${o.address}:${o.http} reuseport backlog=4096;
    listen ${o.address}:${o.https} ssl http2 reuseport backlog=4096;
    http2_max_requests 100000000;
    ssl_certificate ${o.cert}; ssl_certificate_key ${o.key}; ssl_session_cache shared:s:10m;
    location / {
      proxy_pass http://origin; proxy_cache bench; proxy_cache_valid 200 1h;
      add_header X-Cache-Status $upstream_cache_status;
    }
  }
}
`;
}

const varnish: Peer = {
  name: "varnish",
  speaksTls: false,
  version: () => versionFrom("varnishd", /varnish-([\d.]+)/),
  start(o) {
    mkdirSync(o.dir, { recursive: true });
    const path = join(o.dir, "bench.vcl");
    const { address, port } = o.origin;
    writeFileSync(path, `vcl 4.1;\nbackend o { .host = "${address}"; .port = "${port}"; }\n`);
    const args = ["varnishd", "-F", "-j", "none", "-n", join(o.dir, "work"), "-f", path];
    args.push("-a", `${o.address}:${o.http}`, "-s", "malloc,512m");
    return spawn(o.pin[0]!, [...o.pin.slice(1), ...args], { stdio: "ignore" });
  },
};

export const peers: readonly Peer[] = [nginx, varnish];

/** The runtime alone: no peer, but what ours stands on (edge-bare.ts). */
export function startBare(
  o: Omit<PeerStart, "dir" | "origin"> & {
    readonly host: string;
    readonly folders: readonly {
      readonly name: string;
      readonly objects: number;
      readonly bytes: number;
    }[];
  },
): ChildProcess {
  const { address, http, https, cert, key, host } = o;
  const folders = o.folders.map(({ name, objects, bytes }) => `${name}:${objects}:${bytes}`);
  const where = [address, String(http), String(https), cert, key, host];
  const args = [process.execPath, join(import.meta.dir, "edge-bare.ts"), ...where, ...folders];
  return spawn(o.pin[0]!, [...o.pin.slice(1), ...args], { stdio: "ignore" });
}
