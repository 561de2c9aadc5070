import { createSocket } from "node:dgram";
import { type DecodedPacket, decode, encode } from "dns-packet";

/** Asks a name server over UDP, once. Throws if nothing comes within `withinMs`. */
export function ask(
  server: { host: string; port: number },
  name: string,
  type: "A" | "AAAA" | "SOA" | "NS" | "TXT" | "CNAME",
  withinMs = 500,
): Promise<DecodedPacket> {
  const id = 1 + Math.floor(Math.random() * 65_000);
  const query = encode({ type: "query", id, flags: 0, questions: [{ type, name, class: "IN" }] });
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    const end = (error: Error | null, answer?: DecodedPacket) => {
      clearTimeout(timer);
      socket.close();
      if (answer === undefined) reject(error ?? new Error("nothing came"));
      else resolve(answer);
    };
    const timer = setTimeout(() => {
      end(new Error(`${server.host}:${server.port} did not answer ${name} ${type}`));
    }, withinMs);
    socket.on("error", (error) => end(error));
    socket.on("message", (message) => {
      const answer = decode(message);
      if (answer.id === id) end(null, answer);
    });
    socket.send(query, server.port, server.host);
  });
}

/** The addresses of an answer. */
export function addressesOf(packet: DecodedPacket): string[] {
  return (packet.answers ?? []).flatMap((one) => (one.type === "A" ? [one.data] : []));
}

/** The serial of the zone, which is the number of the snapshot served. */
export async function serialOf(
  server: { host: string; port: number },
  zone: string,
  withinMs = 500,
): Promise<number> {
  const packet = await ask(server, zone, "SOA", withinMs);
  const soa = packet.answers?.find((one) => one.type === "SOA");
  if (soa?.type !== "SOA") throw new Error(`${zone} has no SOA: ${JSON.stringify(packet)}`);
  return soa.data.serial ?? 0;
}
