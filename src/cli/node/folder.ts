import { mkdir } from "node:fs/promises";
import { Fault } from "../../base/fault.ts";
import { diskFault } from "../../store/disk-fault.ts";

/** Makes a folder of the data folder. Throws Fault `store-full` or `data-unusable`. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    const fault = diskFault(cause, path);
    const words = `${path}: ${(cause as Error).message}`;
    throw fault instanceof Fault ? fault : new Fault("data-unusable", words, { cause });
  }
}
