import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeTcpAsk, encodeTcpDump, readTcpSent, type TcpPeer, takeTcpDump } from "./mod.ts";

/** One message of a dump as the kernel writes it. */
function message(local: number[], peer: number[], rttUs: number): Uint8Array {
  const bytes = new Uint8Array(16 + 72 + 4 + 104);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, 20, true);
  bytes[16] = local.length === 4 ? 2 : 10;
  bytes.set(local, 24);
  bytes.set(peer, 40);
  view.setUint16(88, 108, true);
  view.setUint16(90, 2, true);
  view.setUint32(92 + 68, rttUs, true);
  return bytes;
}

function peersOf(bytes: Uint8Array): { peers: TcpPeer[]; end: string } {
  const peers: TcpPeer[] = [];
  const end = takeTcpDump(bytes, (peer) => peers.push(peer));
  return { peers, end };
}

describe("takeTcpDump()", () => {
  test("reads both ends and the smoothed round trip of each connection", () => {
    const one = message([192, 0, 2, 1], [203, 0, 113, 7], 41_500);
    const two = message([192, 0, 2, 1], [203, 0, 113, 8], 0);
    const { peers, end } = peersOf(new Uint8Array([...one, ...two]));
    expect(end).toBe("more");
    expect(peers.map((peer) => [[...peer.local], [...peer.address], peer.rttMs])).toEqual([
      [[192, 0, 2, 1], [203, 0, 113, 7], 41.5],
      [[192, 0, 2, 1], [203, 0, 113, 8], null],
    ]);
  });

  test("takes an IPv4 client of an IPv6 socket for what it is", () => {
    const mapped = [...new Uint8Array(10), 255, 255, 203, 0, 113, 7];
    const [peer] = peersOf(message(mapped, mapped, 1000)).peers;
    expect(peer?.address).toEqual(new Uint8Array([203, 0, 113, 7]));
  });

  test("never throws, and ends, whatever it is given", () => {
    const good = message([192, 0, 2, 1], [203, 0, 113, 7], 41_500);
    const broken = fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), broken), (bytes) => {
        if (bytes instanceof Uint8Array) return void peersOf(bytes);
        const [at, value, length] = bytes;
        const changed = good.slice();
        changed[at] = value;
        peersOf(changed.subarray(0, length));
      }),
    );
  });

  test("asks for the established connections of one port", () => {
    const request = encodeTcpDump(4, 8080);
    expect([...request.slice(24, 26)]).toEqual([0x1f, 0x90]);
    expect(request[20]).toBe(2);
  });
});

describe("readTcpSent()", () => {
  /** The kernel's answer about one connection. */
  function answer(state: number, acked: bigint, queued: number): Uint8Array {
    const bytes = new Uint8Array(16 + 72 + 4 + 232);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, bytes.length, true);
    view.setUint16(4, 20, true);
    bytes[17] = state;
    view.setUint32(16 + 60, queued, true);
    view.setUint16(88, 236, true);
    view.setUint16(90, 2, true);
    view.setBigUint64(92 + 120, acked, true);
    return bytes;
  }

  test("reads what was acknowledged and what is still to be, while there is a connection", () => {
    expect(readTcpSent(answer(1, 5_000_000_000n, 77))).toEqual({ acked: 5e9, queued: 77 });
    expect([5, 6].map((state) => readTcpSent(answer(state, 1n, 0)))).toEqual(["over", "over"]);
    // Closed; or the one who listens at that port, whom the kernel names where there is no such connection.
    expect([7, 10].map((state) => readTcpSent(answer(state, 1n, 0)))).toEqual([null, null]);
  });

  test("never throws, whatever it is given", () => {
    const good = answer(1, 1n, 1);
    fc.assert(
      fc.property(
        fc.nat(good.length),
        fc.nat(good.length - 1),
        fc.nat(255),
        (length, at, value) => {
          const changed = good.slice();
          changed[at] = value;
          readTcpSent(changed.subarray(0, length));
        },
      ),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => void readTcpSent(bytes)));
  });

  test("asks for one connection by both its ends", () => {
    const request = encodeTcpAsk({
      ...{ local: Uint8Array.of(192, 0, 2, 1), localPort: 443 },
      ...{ remote: Uint8Array.of(203, 0, 113, 7), remotePort: 50_000 },
    });
    expect([...request.slice(24, 32)]).toEqual([1, 187, 0xc3, 0x50, 192, 0, 2, 1]);
    expect([...request.slice(44, 48)]).toEqual([203, 0, 113, 7]);
  });
});
