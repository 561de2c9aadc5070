import { decodeMessage, encodeQuery, type Message } from "../client/message.ts";

export interface Question {
  readonly name: string;
  readonly type: number;
  readonly subnet: string | null;
}

const WAIT_MS = 3000;

/** One question to one name server by UDP. */
export async function askUdp(host: string, port: number, q: Question): Promise<Message> {
  const { promise, resolve, reject } = Promise.withResolvers<Message>();
  const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
  const socket = await Bun.udpSocket({
    socket: {
      data(_own, bytes) {
        const message = decodeMessage(bytes);
        if (message?.id === id) resolve(message);
      },
      error: () => reject(new Error(`${host}:${port} refused the packet`)),
    },
  });
  const late = setTimeout(() => reject(new Error(`${host}:${port} did not answer`)), WAIT_MS);
  try {
    socket.send(encodeQuery({ id, ...q }), port, host);
    return await promise;
  } finally {
    clearTimeout(late);
    socket.close();
  }
}

/** One question by TCP: two octets of length, then the message (RFC 7766 8). */
export async function askTcp(host: string, port: number, q: Question): Promise<Message> {
  const { promise, resolve, reject } = Promise.withResolvers<Message>();
  const id = crypto.getRandomValues(new Uint16Array(1))[0]!;
  const query = encodeQuery({ id, ...q });
  let got = Buffer.alloc(0);
  const socket = await Bun.connect({
    hostname: host,
    port,
    socket: {
      open(own) {
        own.write(Buffer.concat([Buffer.of(query.length >>> 8, query.length & 0xff), query]));
      },
      data(_own, bytes) {
        got = Buffer.concat([got, bytes]);
        if (got.length < 2 || got.length < 2 + got.readUInt16BE(0)) return;
        const message = decodeMessage(got.subarray(2, 2 + got.readUInt16BE(0)));
        if (message?.id === id) resolve(message);
        else reject(new Error(`${host}:${port} sent no answer to this question`));
      },
      close: () => reject(new Error(`${host}:${port} closed the connection`)),
      error: (_own, cause) => reject(cause),
    },
  });
  const late = setTimeout(() => reject(new Error(`${host}:${port} did not answer`)), WAIT_MS);
  try {
    return await promise;
  } finally {
    clearTimeout(late);
    socket.end();
  }
}
