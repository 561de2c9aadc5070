import { createServer, type Server, type Socket } from "node:net";

export interface FtpFixture {
  readonly user?: string;
  readonly password?: string;
  readonly delayMs?: number;
  /** What a retrieved file holds; "endless" never stops. */
  readonly file?: string | "endless";
  /** Answers PASV (after refusing EPSV) with this host. */
  readonly pasvHost?: string;
  readonly pour?: (socket: Socket) => void;
}

/** The least of an FTP server (RFC 959, EPSV of RFC 2428) that a sign-in and a retrieval need. */
export function ftpBehaviour(options: FtpFixture): (socket: Socket) => void {
  return (socket) => {
    const say = (line: string) => socket.writable && socket.write(`${line}\r\n`);
    let data: Server | null = null;
    let user = "";
    const send = (peer: Socket) => {
      if (options.file === "endless") options.pour?.(peer);
      else peer.end(options.file ?? "");
      peer.on("close", () => say("226 Done"));
    };
    let waiting: Socket | null = null;
    let wanted = false;
    const passive = (answer: (port: number) => string) => {
      data = createServer((peer) => {
        peer.on("error", () => {});
        if (wanted) send(peer);
        else waiting = peer;
      });
      data.listen(0, "127.0.0.1", () => {
        const address = data?.address();
        say(answer(typeof address === "object" && address !== null ? address.port : 0));
      });
    };
    const command = (line: string) => {
      const [verb = "", argument = ""] = line.split(" ");
      if (verb === "USER") {
        user = argument;
        say("331 Password");
      } else if (verb === "PASS") {
        const right =
          user === (options.user ?? user) && argument === (options.password ?? argument);
        say(right ? "230 In" : "530 No secret for you");
      } else if (verb === "EPSV" && options.pasvHost === undefined) {
        passive((port) => `229 Passive (|||${port}|)`);
      } else if (verb === "PASV" && options.pasvHost !== undefined) {
        const host = options.pasvHost.replaceAll(".", ",");
        passive((port) => `227 Passive (${host},${port >> 8},${port & 255})`);
      } else if (verb === "RETR" && options.file !== undefined) {
        say("150 Here");
        wanted = true;
        if (waiting !== null) send(waiting);
      } else say("502 No");
    };
    let pending = "";
    socket.on("data", (bytes) => {
      const lines = (pending + bytes.toString()).split("\r\n");
      pending = lines.pop() ?? "";
      for (const line of lines) command(line);
    });
    socket.on("close", () => data?.close());
    setTimeout(() => say("220 Ready"), options.delayMs ?? 0);
  };
}
