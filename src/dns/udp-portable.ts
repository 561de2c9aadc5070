import { networkInterfaces } from "node:os";
import type { Clock } from "../base/clock.ts";
import { listenFault } from "../base/listen-fault.ts";
import type { Log } from "../base/log.ts";
import { isSigned, UDP_BYTES_EDNS } from "../wire/dns/mod.ts";
import { familyOf, parseAddress } from "../wire/ip/mod.ts";
import type { Packet, Responder } from "./hot/answer.ts";
import type { UdpListen, UdpServer } from "./udp.ts";

/**
 * `Bun.udpSocket` in the main thread, where there is no FFI. The responder is the caller's, who
 * also loads it and drains its counts. Nobody tells here which address a packet came to, so in place
 * of a wildcard address each address that this machine has now gets a socket of its own: an answer
 * leaves from the address that was asked.
 */
export async function startPortable(
  o: UdpListen & { readonly responder: Responder; readonly clock: Clock; readonly log: Log },
): Promise<UdpServer> {
  const out = new Uint8Array(UDP_BYTES_EDNS);
  const open: { close(): void }[] = [];
  let handing = false;
  const closeAll = () => {
    for (const socket of open) socket.close();
  };
  for (const hostname of o.hosts.flatMap(ownAddresses)) {
    try {
      open.push(
        await Bun.udpSocket({
          hostname,
          port: o.port,
          socket: {
            data(socket, data, port, from) {
              const packet = packetOf(data, from);
              if (packet === null) return;
              if (handing && isSigned(packet.bytes, packet.length)) {
                const { address, family } = packet;
                const bytes = Uint8Array.from(packet.bytes);
                const asked = { bytes, address, family, stream: false, secure: false };
                void o.onSigned(asked).then((answer) => {
                  if (answer !== null && !socket.closed) socket.send(answer, port, from);
                });
                return;
              }
              o.responder.tick(o.clock.wallMs());
              const length = o.responder.answer(packet, out);
              if (length > 0) socket.send(out.slice(0, length), port, from);
            },
            error: (_socket, error) => o.log.warn("UDP failed", { reason: String(error) }),
          },
        }),
      );
    } catch (error) {
      closeAll();
      throw listenFault(error, `UDP ${hostname} port ${o.port}`);
    }
  }
  return {
    load: () => {},
    patch: () => {},
    keys: () => {},
    handOver: (on) => {
      handing = on;
    },
    stop: async () => closeAll(),
  };
}

/** A wildcard address as the machine's own of that family, without those of one link only. */
function ownAddresses(host: string): string[] {
  if (!parseAddress(host)?.every((octet) => octet === 0)) return [host];
  const family = host.includes(":") ? "IPv6" : "IPv4";
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const own = all.filter((one) => one.family === family && !one.address.startsWith("fe80:"));
  return [...new Set(own.map((one) => one.address))];
}

function packetOf(bytes: Uint8Array, from: string): Packet | null {
  const address = parseAddress(from.split("%")[0]!);
  if (address === null) return null;
  const { length } = bytes;
  return { bytes, length, address, addressAt: 0, family: familyOf(address), stream: false };
}
