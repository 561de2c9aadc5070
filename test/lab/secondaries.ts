/** Other name servers that fetch a zone from us, each with the one key that we gave it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Program } from "./process.ts";

export interface Secondary {
  /** A folder of its own, made here. */
  readonly dir: string;
  readonly zone: string;
  /** Where it listens, and where it asks from. */
  readonly address: string;
  readonly port: number;
  readonly primary: { readonly address: string; readonly port: number };
  readonly key: { readonly name: string; readonly algorithm: string; readonly secret: string };
}

export function startNsd({ dir, zone, address, port, primary, key }: Secondary): Program {
  mkdirSync(dir, { recursive: true });
  const conf = `server:
  ip-address: ${address}@${port}
  do-ip6: no
  username: "root"
  chroot: ""
  zonesdir: "${dir}"
  database: ""
  pidfile: "${dir}/nsd.pid"
  zonelistfile: "${dir}/zone.list"
  xfrdfile: "${dir}/xfrd.state"
  xfrdir: "${dir}"
remote-control:
  control-enable: no
key:
  name: "${key.name}"
  algorithm: ${key.algorithm}
  secret: "${key.secret}"
zone:
  name: "${zone}"
  allow-notify: ${primary.address} ${key.name}
  request-xfr: ${primary.address}@${primary.port} ${key.name}
  outgoing-interface: ${address}
`;
  writeFileSync(join(dir, "nsd.conf"), conf);
  return new Program(["nsd", "-d", "-c", join(dir, "nsd.conf")], { name: "nsd" });
}

export function startKnot({ dir, zone, address, port, primary, key }: Secondary): Program {
  mkdirSync(dir, { recursive: true });
  const conf = `server:
  rundir: "${dir}"
  listen: ${address}@${port}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: "${dir}"
log:
  - target: stderr
    any: info
key:
  - id: ${key.name}
    algorithm: ${key.algorithm}
    secret: ${key.secret}
remote:
  - id: primary
    address: ${primary.address}@${primary.port}
    via: ${address}
    key: ${key.name}
acl:
  - id: told
    address: ${primary.address}
    key: ${key.name}
    action: notify
zone:
  - domain: ${zone}
    storage: "${dir}"
    master: primary
    acl: told
`;
  writeFileSync(join(dir, "knot.conf"), conf);
  return new Program(["knotd", "-c", join(dir, "knot.conf")], { name: "knotd" });
}

/** With `tls` it fetches by DNS over TLS. It listens only where an interface has the address itself. */
export function startBind(o: Secondary & { readonly tls?: boolean }): Program {
  const { dir, zone, address, port, primary, key } = o;
  mkdirSync(dir, { recursive: true });
  const how = `key "${key.name}"${o.tls === true ? " tls ephemeral" : ""}`;
  const conf = `options {
  directory "${dir}"; pid-file "${dir}/pid"; session-keyfile "${dir}/session";
  listen-on port ${port} { ${address}; }; listen-on-v6 { none; };
  recursion no; notify no; dnssec-validation no; query-source address ${address};
};
controls { };
key "${key.name}" { algorithm ${key.algorithm}; secret "${key.secret}"; };
zone "${zone}" {
  type secondary; file "zone"; transfer-source ${address};
  primaries { ${primary.address} port ${primary.port} ${how}; };
  allow-notify { key "${key.name}"; };
};
`;
  writeFileSync(join(dir, "named.conf"), conf);
  const command = ["named", "-g", "-n", "1", "-c", join(dir, "named.conf"), "-D", "lab"];
  return new Program(command, { name: "named" });
}
