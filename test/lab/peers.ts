/** Configuration of the peers: name servers, a resolver, web servers, FTP servers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export function nsdConf(o: {
  dir: string;
  address: string;
  zones: Readonly<Record<string, string>>;
}): string {
  mkdirSync(o.dir, { recursive: true });
  const zones = Object.entries(o.zones).map(([name, text], index) => {
    writeFileSync(join(o.dir, `${index}.zone`), text);
    return `zone:\n  name: "${name}"\n  zonefile: "${index}.zone"\n`;
  });
  const path = join(o.dir, "nsd.conf");
  writeFileSync(
    path,
    `server:
  ip-address: ${o.address}
  do-ip6: no
  username: "root"
  chroot: ""
  zonesdir: "${o.dir}"
  database: ""
  pidfile: "${o.dir}/nsd.pid"
  zonelistfile: "${o.dir}/zone.list"
  xfrdfile: "${o.dir}/xfrd.state"
  xfrdir: "${o.dir}"
remote-control:
  control-enable: no
${zones.join("")}`,
  );
  return path;
}

/** A resolver that knows nothing but our root hints; it may send the client's subnet to some. */
export function unboundConf(o: {
  dir: string;
  address: string;
  rootAddress: string;
  sendSubnetTo: string;
}): string {
  mkdirSync(o.dir, { recursive: true });
  const hints = `. 3600 IN NS a.root.example.\na.root.example. 3600 IN A ${o.rootAddress}\n`;
  writeFileSync(join(o.dir, "root.hints"), hints);
  const path = join(o.dir, "unbound.conf");
  writeFileSync(
    path,
    `server:
  interface: ${o.address}
  access-control: 0.0.0.0/0 allow
  module-config: "subnetcache iterator"
  send-client-subnet: ${o.sendSubnetTo}
  do-not-query-localhost: no
  root-hints: "${o.dir}/root.hints"
  directory: "${o.dir}"
  chroot: ""
  username: ""
  pidfile: "${o.dir}/unbound.pid"
  use-syslog: no
  logfile: ""
  verbosity: 1
  do-ip6: no
  num-threads: 1
  outgoing-range: 64
remote-control:
  control-enable: no
`,
  );
  return path;
}

/** A web server with one address, one folder, and a log of whom it served what under which name. */
export function nginxConf(o: { dir: string; address: string; name: string }): string {
  mkdirSync(join(o.dir, "www"), { recursive: true });
  const temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `  ${kind}_temp_path ${o.dir}/temp;`)
    .join("\n");
  const path = join(o.dir, "nginx.conf");
  writeFileSync(
    path,
    `daemon off;
user root;
worker_processes 1;
pid ${o.dir}/nginx.pid;
error_log ${o.dir}/error.log;
events { worker_connections 256; }
http {
${temp}
  types { text/html html; image/bmp bmp; text/plain txt; }
  log_format plain '$remote_addr $host $request_method $uri $status $body_bytes_sent';
  access_log ${o.dir}/access.log plain;
  server {
    listen ${o.address}:80;
    root ${o.dir}/www;
    add_header X-Origin ${o.name};
    location /img/ { add_header Cache-Control "public, max-age=600"; }
  }
}
`,
  );
  return path;
}

export function vsftpdConf(o: { dir: string; address: string; dataPort?: number }): string {
  mkdirSync(join(o.dir, "empty"), { recursive: true });
  mkdirSync(join(o.dir, "pub"), { recursive: true });
  writeFileSync(join(o.dir, "pub", "probe.txt"), "here\n");
  const path = join(o.dir, "vsftpd.conf");
  const lines = [
    "listen=YES",
    "listen_ipv6=NO",
    `listen_address=${o.address}`,
    "background=NO",
    "anonymous_enable=YES",
    "local_enable=NO",
    `anon_root=${o.dir}/pub`,
    `secure_chroot_dir=${o.dir}/empty`,
    "isolate_network=NO",
    "seccomp_sandbox=NO",
    ...(o.dataPort === undefined
      ? []
      : [
          ...[`pasv_min_port=${o.dataPort}`, `pasv_max_port=${o.dataPort}`],
          // A client that leaves after EPSV would hold the one port for a minute.
          ...["accept_timeout=2", "data_connection_timeout=2"],
        ]),
  ];
  writeFileSync(path, `${lines.join("\n")}\n`);
  return path;
}

/** A valid 24-bit bitmap of 100 x 100 points, one colour by seed: 30,054 bytes. */
export function bitmap(seed: number): Uint8Array {
  const side = 100;
  const bytes = new Uint8Array(54 + side * side * 3);
  const view = new DataView(bytes.buffer);
  bytes.set([0x42, 0x4d]);
  view.setUint32(2, bytes.length, true);
  view.setUint32(10, 54, true);
  view.setUint32(14, 40, true);
  view.setInt32(18, side, true);
  view.setInt32(22, side, true);
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  for (let i = 54; i < bytes.length; i++) bytes[i] = (i * seed) & 0xff;
  return bytes;
}
