/**
 * How the engine and the allocator of a process with a cache are set, as environment variables. The engine
 * collects garbage the more seldom, the more memory it believes it may fill: a cache has a cap. Memory
 * comes in small pages, so that those that are free again can be given back. What runs often is compiled,
 * but not once more in the last form: that makes nothing faster here, and takes memory for hours
 * (docs/decisions/0040).
 *
 * @param memoryBytes the cap of the cache's memory tier
 */
export function engineOptions(memoryBytes: number): Readonly<Record<string, string>> {
  return {
    BUN_JSC_forceRAMSize: String(memoryBytes),
    BUN_JSC_useFTLJIT: "0",
    MIMALLOC_ALLOW_THP: "0",
  };
}
