import { connect } from "node:net";

export interface Said {
  /** Status codes of the answers, in order; 1xx among them. */
  readonly statuses: readonly number[];
  readonly text: string;
  /** True when the server ended the connection, false when we stopped waiting. */
  readonly closed: boolean;
}

/**
 * Sends bytes as they are and waits until the server closes, or until `enough` holds of what came.
 * Half-open after that: a server that waits for more is left after `patienceMs`.
 */
export function sendRaw(
  at: { readonly address: string; readonly port: number },
  parts: readonly (string | Buffer)[],
  o: {
    readonly patienceMs?: number;
    readonly enough?: (text: string) => boolean;
    /** The address that it comes from. */
    readonly from?: string;
    /** What is sent after that, when it is known. */
    readonly later?: Promise<string>;
  } = {},
): Promise<Said> {
  const { promise, resolve } = Promise.withResolvers<Said>();
  let text = "";
  const done = (closed: boolean) => {
    clearTimeout(timer);
    socket.destroy();
    const statuses = [...text.matchAll(/HTTP\/1\.[01] (\d{3})[ \r]/g)].map((m) => Number(m[1]));
    resolve({ statuses, text, closed });
  };
  const timer = setTimeout(() => done(false), o.patienceMs ?? 2_000);
  const from = o.from === undefined ? {} : { localAddress: o.from };
  const socket = connect({ port: at.port, host: at.address, ...from }, () => {
    for (const part of parts) {
      socket.write(typeof part === "string" ? Buffer.from(part, "latin1") : part);
    }
  });
  void o.later?.then((more) => socket.write(Buffer.from(more, "latin1")));
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
    if (o.enough?.(text) === true) done(false);
  });
  socket.on("error", () => done(true));
  socket.on("close", () => done(true));
  return promise;
}
