import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createServer, type Server, type Socket } from "node:net";
import { timed } from "../../../test/lab/stall.ts";
import type { CheckOutcome } from "./outcome.ts";

/** What a check is run against: how a server behaves once somebody has connected. */
export type Behaviour = (socket: Socket) => void;

export interface CheckContract {
  readonly name: string;
  readonly run: (port: number, timeoutMs: number) => Promise<CheckOutcome>;
  /** A right server of this protocol, or who serves one itself. */
  readonly right: Behaviour | { readonly serve: Serve };
  /** A server that sends this first and then never stops sending. */
  readonly endlessHead: string;
  /** A server that sends this first and then a byte now and then. */
  readonly trickleHead: string;
  /** What a server may claim that is not so, by its name: it hangs up after it. */
  readonly lies: Readonly<Record<string, { readonly sends: string; readonly verdict: string }>>;
  /** The failure each bad server must show; "" where the check is content. */
  readonly verdicts: {
    readonly silent: string;
    readonly garbage: string;
    readonly endless: string;
    readonly endlessGarbage: string;
    readonly hangsUp: string;
    readonly resets: string;
    readonly trickles: string;
  };
}

/** For those who are to fail by it; half as much more where this process was held up. */
const TIMEOUT_MS = 300;
/** What answers has this long: a machine may stand still meanwhile. */
export const RIGHT_MS = 10_000;
/** From the verdict's being due until the socket is closed and this test's turn comes. */
const CLOSING_MS = 500;
const TRICKLE_MS = 20;
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

const chunk = new Uint8Array(65_536).fill(0x61);

/** How servers go wrong, and which of a check's verdicts each has to show. */
function wrongs(contract: CheckContract): Record<string, { behave: Behaviour; verdict: string }> {
  const { verdicts, endlessHead, trickleHead, lies } = contract;
  const lying = Object.entries(lies).map(([name, { sends, verdict }]) => {
    return [`lies with ${name}`, { behave: (socket: Socket) => socket.end(sends), verdict }];
  });
  return {
    "says nothing": { behave: () => {}, verdict: verdicts.silent },
    "sends garbage": {
      behave: (socket) => socket.end("<secret>\0\xff\r\nsecret\r\n\r\n"),
      verdict: verdicts.garbage,
    },
    "begins well and never stops sending": {
      behave: (socket) => {
        socket.write(endlessHead);
        pour(socket, chunk);
      },
      verdict: verdicts.endless,
    },
    "sends garbage without end": {
      behave: (socket) => pour(socket, chunk),
      verdict: verdicts.endlessGarbage,
    },
    "sends a byte now and then": {
      behave: (socket) => {
        socket.write(trickleHead);
        const drip = setInterval(() => socket.write("x"), TRICKLE_MS);
        socket.on("close", () => clearInterval(drip));
      },
      verdict: verdicts.trickles,
    },
    "hangs up": {
      behave: (socket) => {
        socket.once("data", () => socket.destroy());
        setImmediate(() => socket.end());
      },
      verdict: verdicts.hangsUp,
    },
    "resets the connection": {
      // Later than accepting, so that the reset is the server's word and not the kernel's.
      behave: (socket) => setTimeout(() => socket.resetAndDestroy(), TRICKLE_MS),
      verdict: verdicts.resets,
    },
    ...Object.fromEntries(lying),
  };
}

type Use = (port: number) => Promise<CheckOutcome>;
export type Serve = (use: Use) => Promise<CheckOutcome>;

/** Every check must come to the right verdict in bounded time and memory, whoever it talks to. */
export function checkContract(contract: CheckContract): void {
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
      const { right } = contract;
      const use = (port: number) => contract.run(port, RIGHT_MS);
      const outcome = await (typeof right === "object" ? right.serve(use) : withServer(right, use));
      expectFailure(outcome, "");
      const { connectMs, firstByteMs, totalMs } = outcome;
      expect(connectMs).toBeGreaterThanOrEqual(0);
      expect(firstByteMs ?? connectMs).toBeGreaterThanOrEqual(connectMs ?? 0);
      expect(totalMs).toBeGreaterThanOrEqual(firstByteMs ?? 0);
      expect(totalMs).toBeLessThan(RIGHT_MS);
    });

    test("says refused where nobody listens", async () => {
      const port = await withServer(
        () => {},
        async (free) => free,
      );
      expectFailure(await contract.run(port, RIGHT_MS), "refused");
    });

    for (const [name, { behave, verdict }] of Object.entries(wrongs(contract))) {
      test(`is over in time, with the right word and none of theirs, when a server ${name}`, async () => {
        const timeoutMs = verdict === "timeout" ? TIMEOUT_MS : RIGHT_MS;
        const { value: outcome, ownMs } = await timed(() =>
          withServer(behave, (port) => contract.run(port, timeoutMs)),
        );
        expectFailure(outcome, verdict);
        expect(JSON.stringify(outcome)).not.toContain("secret");
        expect(ownMs).toBeLessThan(1.5 * timeoutMs + CLOSING_MS);
      });
    }
  });
}
