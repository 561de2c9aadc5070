import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { realClock } from "../../base/real/clock.ts";
import type { CheckOutcome } from "./outcome.ts";

/** What a check is run against: how a server behaves once somebody has connected. */
export type Behaviour = (socket: Socket) => void;

export interface CheckContract {
  readonly name: string;
  readonly run: (port: number, timeoutMs: number) => Promise<CheckOutcome>;
  /** A right server of this protocol. */
  readonly right: Behaviour;
  /** Sends this first and then never stops sending `endless`. */
  readonly endlessHead: string;
  /** The failure each bad server must show; "" where the check is content. */
  readonly verdicts: {
    readonly silent: string;
    readonly garbage: string;
    readonly endless: string;
    readonly endlessGarbage: string;
    readonly hangsUp: string;
  };
}

const TIMEOUT_MS = 300;
/** Sockets cannot be closed faster than the loop turns on a busy machine. */
const OVER_MS = TIMEOUT_MS + 700;
const GROWTH_BYTES_MAX = 96 * 1024 * 1024;

/** Serves one behaviour on a free port of loopback for as long as `use` takes. */
export async function withServer<T>(
  behave: Behaviour,
  use: (port: number) => Promise<T>,
): Promise<T> {
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => open.delete(socket));
    behave(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await use(typeof address === "object" && address !== null ? address.port : 0);
  } finally {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Writes as fast as the other side reads, until it goes away. */
export function pour(socket: Socket, bytes: Uint8Array): void {
  const more = () => {
    while (!socket.destroyed && socket.writable && socket.write(bytes));
  };
  socket.on("drain", more);
  more();
}

/** Every check must come to the right verdict in bounded time and memory, whoever it talks to. */
export function checkContract(contract: CheckContract): void {
  const timed = async (behave: Behaviour) => {
    const startMs = realClock.monoMs();
    const outcome = await withServer(behave, (port) => contract.run(port, TIMEOUT_MS));
    return { outcome, tookMs: realClock.monoMs() - startMs };
  };
  const expectFailure = (outcome: CheckOutcome, failure: string) => {
    expect(outcome.failure).toBe(failure);
    expect(outcome.ok).toBe(failure === "");
  };

  describe(`${contract.name} as a check`, () => {
    let before = 0;
    beforeAll(() => {
      before = process.memoryUsage().rss;
    });
    afterAll(() => {
      expect(process.memoryUsage().rss - before).toBeLessThan(GROWTH_BYTES_MAX);
    });

    test("passes a right server, with timings in order", async () => {
      const { outcome } = await timed(contract.right);
      expectFailure(outcome, "");
      const { connectMs, firstByteMs, totalMs } = outcome;
      expect(connectMs).toBeGreaterThanOrEqual(0);
      expect(firstByteMs ?? connectMs).toBeGreaterThanOrEqual(connectMs ?? 0);
      expect(totalMs).toBeGreaterThanOrEqual(firstByteMs ?? 0);
      expect(totalMs).toBeLessThan(TIMEOUT_MS);
    });

    test("says refused where nobody listens", async () => {
      const port = await withServer(
        () => {},
        async (free) => free,
      );
      expectFailure(await contract.run(port, TIMEOUT_MS), "refused");
    });

    test("is over in time when the server says nothing", async () => {
      const { outcome, tookMs } = await timed(() => {});
      expectFailure(outcome, contract.verdicts.silent);
      expect(tookMs).toBeLessThan(OVER_MS);
    });

    test("says what is wrong with garbage, and never the garbage itself", async () => {
      const { outcome } = await timed((socket) => socket.end("<secret>\0\xff\r\nsecret\r\n\r\n"));
      expectFailure(outcome, contract.verdicts.garbage);
      expect(JSON.stringify(outcome)).not.toContain("secret");
    });

    test("is over in bounded time and memory when the server never stops sending", async () => {
      const chunk = new Uint8Array(65_536).fill(0x61);
      const well = await timed((socket) => {
        socket.write(contract.endlessHead);
        pour(socket, chunk);
      });
      expectFailure(well.outcome, contract.verdicts.endless);
      expect(well.tookMs).toBeLessThan(OVER_MS);
      const ill = await timed((socket) => pour(socket, chunk));
      expectFailure(ill.outcome, contract.verdicts.endlessGarbage);
      expect(ill.tookMs).toBeLessThan(OVER_MS);
    });

    test("notices a server that hangs up", async () => {
      const { outcome, tookMs } = await timed((socket) => {
        socket.once("data", () => socket.destroy());
        setImmediate(() => socket.end());
      });
      expectFailure(outcome, contract.verdicts.hangsUp);
      expect(tookMs).toBeLessThan(OVER_MS);
    });
  });
}
