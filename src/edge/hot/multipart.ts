import type { ByteRange } from "../../wire/http/mod.ts";
import { nameHash } from "../cache/evict/mod.ts";
import type { ObjectMeta } from "../cache/mod.ts";

/** One piece of a body of several parts: words of ours, or a range of the object. */
export type Piece = Uint8Array<ArrayBuffer> | ByteRange;

/** Makes a boundary that no body is likely to have. */
export function boundaryMark(of: Pick<ObjectMeta, "key" | "receivedMs">, nowMs: number): string {
  return `${nameHash(of.key).toString(36)}${of.receivedMs.toString(36)}${nowMs.toString(36)}`;
}

/**
 * A 206 of several parts (RFC 9110 14.6): what it is made of, in order, how long it is, and its
 * Content-Type.
 *
 * @param of.mark see `boundaryMark`
 */
export function multipart(
  ranges: readonly ByteRange[],
  of: { readonly sizeBytes: number; readonly type: string | null; readonly mark: string },
): { readonly pieces: readonly Piece[]; readonly bytes: number; readonly contentType: string } {
  const boundary = `turnpike-${of.mark}`;
  const type = of.type === null ? "" : `Content-Type: ${of.type}\r\n`;
  const pieces: Piece[] = [];
  const words = (text: string) => pieces.push(new TextEncoder().encode(text));
  for (const [i, { first, last }] of ranges.entries()) {
    const where = `Content-Range: bytes ${first}-${last}/${of.sizeBytes}\r\n\r\n`;
    words(`${i === 0 ? "" : "\r\n"}--${boundary}\r\n${type}${where}`);
    pieces.push({ first, last });
  }
  words(`\r\n--${boundary}--\r\n`);
  const bytes = pieces.reduce((sum, piece) => sum + lengthOf(piece), 0);
  return { pieces, bytes, contentType: `multipart/byteranges; boundary=${boundary}` };
}

function lengthOf(piece: Piece): number {
  return piece instanceof Uint8Array ? piece.byteLength : piece.last + 1 - piece.first;
}

/** The pieces as one stream, each range of it read when its turn comes. */
export function streamPieces(
  pieces: readonly Piece[],
  o: {
    readonly read: (range: ByteRange) => ReadableStream<Uint8Array>;
    readonly count: (bytes: number) => void;
    /** Called at its end. */
    readonly over?: (() => void) | undefined;
  },
): ReadableStream<Uint8Array> {
  const rest = [...pieces];
  let reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
  const next = async (): Promise<Uint8Array | null> => {
    for (;;) {
      const part = reader === null ? null : await reader.read();
      if (part?.value !== undefined) return part.value;
      reader = null;
      const piece = rest.shift();
      if (piece === undefined) return null;
      if (!(piece instanceof Uint8Array)) {
        reader = o.read(piece).getReader();
        continue;
      }
      o.count(piece.byteLength);
      return piece;
    }
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const chunk = await next();
        if (chunk !== null) return controller.enqueue(chunk);
        o.over?.();
        controller.close();
      },
      cancel: (why) => reader?.cancel(why),
    },
    { highWaterMark: 0 },
  );
}
