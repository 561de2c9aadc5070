import type { ByteRange } from "../../wire/http/mod.ts";
import { BLOCK_BYTES } from "../cache/disk-format.ts";
import { type DiskObject, notNow, type OpenFile } from "../cache/mod.ts";

/**
 * A part of a large stored body as a stream: block by block, each held against its checksum before
 * any of it leaves. A block that does not hold, or cannot be read, ends the stream with an error and the
 * object's life.
 */
export function readBlocks(
  object: Extract<DiskObject, { kind: "file" }>,
  part: ByteRange,
  count: (bytes: number) => void,
  over: () => void = () => {},
): ReadableStream<Uint8Array> {
  let at = part.first;
  const { stored, meta } = object;
  let file: OpenFile | null = null;
  // A file that is let go of without being closed ends the process once it is collected.
  const close = async () => {
    const open = file;
    file = null;
    await open?.close().catch(() => {});
  };
  const next = async (): Promise<Uint8Array> => {
    file ??= await stored.files.open(stored.path, "r");
    const index = Math.floor(at / BLOCK_BYTES);
    const start = index * BLOCK_BYTES;
    const block = new Uint8Array(Math.min(BLOCK_BYTES, meta.bodyBytes - start));
    const { bytesRead } = await file.read(block, 0, block.byteLength, start);
    if (bytesRead !== block.byteLength || !stored.holds(index, block)) {
      throw new Error("A stored block is not what was written");
    }
    return block.subarray(at - start, Math.min(block.byteLength, part.last + 1 - start));
  };
  let reading: Promise<unknown> = Promise.resolve();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const coming = next();
        reading = coming.catch(() => {});
        const chunk = await coming.catch(async (fault: unknown) => {
          if (notNow(fault) === null) object.spoilt();
          await close();
          throw fault;
        });
        at += chunk.byteLength;
        count(chunk.byteLength);
        controller.enqueue(chunk);
        if (at <= part.last) return;
        over();
        controller.close();
        await close();
      },
      // What is being opened or read is waited for: then there is something to close.
      cancel: () => reading.then(close),
    },
    { highWaterMark: 0 },
  );
}
