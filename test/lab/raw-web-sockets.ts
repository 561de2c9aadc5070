import { createHash } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** RFC 6455 1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export interface RawWebSockets {
  readonly port: number;
  stop(): void;
}

/**
 * A server that opens every WebSocket and says nothing by itself.
 *
 * @param o.said told of what comes on one then; `opened` of each that is
 */
export async function rawWebSockets(
  address: string,
  o: {
    readonly said?: (socket: Socket, bytes: Buffer) => void;
    readonly opened?: (socket: Socket) => void;
    /** What each handshake waits for. */
    readonly before?: () => Promise<void>;
  },
): Promise<RawWebSockets> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let head = "";
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (bytes: Buffer) => {
      if (head.endsWith("\r\n\r\n")) return o.said?.(socket, bytes);
      head += bytes.toString("latin1");
      if (!head.endsWith("\r\n\r\n")) return;
      const key = /sec-websocket-key: (.*)\r\n/i.exec(head)?.[1] ?? "";
      const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
      const open = () => {
        socket.write(
          `HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        o.opened?.(socket);
      };
      if (o.before === undefined) open();
      else void o.before().then(open);
    });
  });
  await new Promise<void>((listening) => server.listen(0, address, listening));
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
