import { rmSync } from "node:fs";
import { join } from "node:path";
import type { AnswerDns } from "../../dns/mod.ts";

const CLIENT = "turnpike-client";
/** A name server that is starting again is waited for so long. */
const START_MS = 3_000;
const AGAIN_MS = 50;

/**
 * Of a node whose cache has several processes: DNS over HTTPS comes to each worker, and the name server is
 * a process of its own. It answers them at a socket in the folder that they have in common, until the
 * function that is returned is called.
 */
export function answerWorkers(folder: string, answer: AnswerDns): () => Promise<void> {
  const socket = socketIn(folder);
  // One that was killed left its socket behind.
  rmSync(socket, { force: true });
  const server = Bun.serve({
    unix: socket,
    development: false,
    async fetch(request) {
      const query = new Uint8Array(await request.arrayBuffer());
      const message = await answer(query, request.headers.get(CLIENT) ?? "");
      if (message === null) return new Response(null, { status: 204 });
      return new Response(message as Uint8Array<ArrayBuffer>);
    },
  });
  return () => server.stop(true);
}

/** Of a worker: asks the name server; waits where it is starting. Throws where it does not come. */
export function askNameServer(folder: string): AnswerDns {
  const unix = socketIn(folder);
  return async (query, client) => {
    for (let waitedMs = 0; ; waitedMs += AGAIN_MS) {
      try {
        const body = query as Uint8Array<ArrayBuffer>;
        const headers = { [CLIENT]: client };
        const said = await fetch("http://names/", { unix, method: "POST", body, headers });
        return said.status === 200 ? new Uint8Array(await said.arrayBuffer()) : null;
      } catch (fault) {
        if (waitedMs >= START_MS) throw fault;
        await new Promise((done) => setTimeout(done, AGAIN_MS));
      }
    }
  };
}

function socketIn(folder: string): string {
  return join(folder, "names");
}
