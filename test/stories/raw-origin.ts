import { createServer, type Server, type Socket } from "node:net";

/** A request as the web server read it; bodies are left alone. */
export interface Asked {
  readonly line: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** A web server that writes to the letter what it is told to. */
export class RawOrigin {
  /** What is written back, at once or later; null: it hangs up. */
  say: (asked: Asked) => string | null | Promise<string | null> = () => null;
  readonly log: Asked[] = [];
  readonly #open = new Set<Socket>();
  #server: Server | null = null;

  async start(address: string): Promise<{ readonly port: number }> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    return server.address() as { readonly port: number };
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    socket.on("close", () => this.#open.delete(socket));
    socket.on("error", () => {});
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const asked = readAsked(text.slice(0, end));
      text = text.slice(end + 4);
      this.log.push(asked);
      const said = this.say(asked);
      if (said instanceof Promise) void said.then((later) => this.#write(socket, later));
      else this.#write(socket, said);
    });
  }

  #write(socket: Socket, said: string | null): void {
    if (said === null) socket.destroy();
    else socket.write(said, "latin1");
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await new Promise((resolve) => this.#server?.close(resolve));
  }
}

function readAsked(text: string): Asked {
  const [line = "", ...rest] = text.split("\r\n");
  const fields = rest
    .filter((one) => one !== "")
    .map((one): [string, string] => {
      const colon = one.indexOf(":");
      return [one.slice(0, colon).toLowerCase(), one.slice(colon + 1).trim()];
    });
  return { line, fields: new Map(fields) };
}

/** A response of these fields and this body, with its length. */
export function words(status: string, fields: readonly string[], body = ""): string {
  const lines = [`HTTP/1.1 ${status}`, ...fields, `Content-Length: ${body.length}`];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}
