/** DNS over HTTPS as a node with a name server and a cache has it: the cache's listener hands queries over. */
import { silentLog } from "../../src/base/log.ts";
import { realClock } from "../../src/base/real/clock.ts";
import type { DnsServer } from "../../src/dns/mod.ts";
import { dohAt } from "../../src/dns/mod.ts";
import type { Listening } from "../../src/edge/listen.ts";
import { TlsDoor } from "../../src/edge/tls-door.ts";

/** The host that queries are sent to: a tool that is told an address names that. */
const HOST = "127.0.0.1";

/** On a free port of loopback, until `stop()`. */
export async function openDoh(
  dns: Pick<DnsServer, "answer">,
  tls: { readonly cert: string; readonly key: string },
): Promise<Listening> {
  const nobody = () => new Response(null, { status: 404 });
  return await TlsDoor.start(nobody, {
    ...{ hosts: [HOST], port: 0, own: tls, named: () => [], aside: dohAt(HOST, dns.answer) },
    ...{ clock: realClock, log: silentLog },
  });
}

/** Posts one message; null where the server says that it is none (400). Throws at any other refusal. */
export async function askDoh(port: number, bytes: Uint8Array): Promise<Uint8Array | null> {
  const response = await fetch(`https://${HOST}:${port}/dns-query`, {
    method: "POST",
    body: Uint8Array.from(bytes),
    headers: { "content-type": "application/dns-message" },
    tls: { rejectUnauthorized: false },
  });
  const body = new Uint8Array(await response.arrayBuffer());
  if (response.status === 400) return null;
  if (response.status !== 200) throw new Error(`Expected 200 or 400: received ${response.status}`);
  return body;
}
