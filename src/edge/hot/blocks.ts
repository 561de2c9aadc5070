import type { ByteRange } from "../../wire/http/mod.ts";
import { BLOCK_BYTES } from "../cache/disk-format.ts";
import type { DiskObject } from "../cache/mod.ts";

/**
 * A part of a large stored body as a stream: block by block, each held against its checksum before
 * any of it leaves. A block that does not hold ends the stream with an error and the object's life.
 */
export function readBlocks(
  object: Extract<DiskObject, { kind: "file" }>,
  part: ByteRange,
  count: (bytes: number) => void,
): ReadableStream<Uint8Array> {
  let at = part.first;
  const { stored, meta } = object;
  // At once: its name may go while nobody reads yet.
  const opening = stored.files.open(stored.path, "r");
  const close = () => opening.then((file) => file.close()).catch(() => {});
  opening.catch(() => {});
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const file = await opening;
        const index = Math.floor(at / BLOCK_BYTES);
        const start = index * BLOCK_BYTES;
        const block = new Uint8Array(Math.min(BLOCK_BYTES, meta.bodyBytes - start));
        const { bytesRead } = await file.read(block, 0, block.byteLength, start);
        if (bytesRead !== block.byteLength || !stored.holds(index, block)) {
          object.spoilt();
          await close();
          throw new Error("A stored block is not what was written");
        }
        const chunk = block.subarray(at - start, Math.min(block.byteLength, part.last + 1 - start));
        at += chunk.byteLength;
        count(chunk.byteLength);
        controller.enqueue(chunk);
        if (at <= part.last) return;
        controller.close();
        await close();
      },
      cancel: close,
    },
    { highWaterMark: 0 },
  );
}
