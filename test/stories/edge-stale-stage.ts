import { afterAll, beforeAll, beforeEach, expect } from "bun:test";
import { type Reply, Stage, type StageOrigin, snapshotOf, startOrigin } from "./edge-stage.ts";

export const SITE = "www.stale.example";
export const LARGE = 3_000_000;

/** A cache of one process, one of a worker and its keeper, and one web server, for what is held and stale. */
export class StaleStage {
  version = 1;
  /** Status in place of all others. */
  failing: number | null = null;
  /** Said of what is asked for from now on, in place of what its address says. */
  control: string | null = null;
  /** Bytes that everything has, in place of those its address says. */
  size: number | null = null;
  /** Bytes of bodies that were asked for. */
  sent = 0;
  /** Answers are held back until this is resolved. */
  gate: Promise<void> = Promise.resolve();
  origin!: StageOrigin;
  stage!: Stage;
  crew!: Stage;

  /** @param net the first three numbers of its addresses, such as `127.87.40` */
  constructor(net: string) {
    beforeAll(async () => {
      this.origin = startOrigin(`${net}.1`, 0, this.#answer);
      const { port, address } = this.origin;
      const site = { hostname: SITE, customer: "stale", port, front: "caches" as const };
      const snapshot = snapshotOf([{ ...site, origins: [{ name: "o1", v4: address, port }] }]);
      this.stage = await new Stage(snapshot, `${net}.9`).start();
      // One object has a quarter of the disk at most.
      const small = { apart: { keeper: snapshot }, diskBytesMax: 16_000_000 };
      this.crew = await new Stage(snapshot, `${net}.8`).start(small);
    });
    afterAll(async () => {
      await this.stage.stop();
      await this.crew.stop();
      await this.origin.stop();
    });
    beforeEach(() => {
      this.version = 1;
      this.failing = null;
      this.control = null;
      this.size = null;
      this.gate = Promise.resolve();
      this.#calm();
    });
  }

  readonly get = (path: string, fields: Record<string, string> = {}, at = this.stage) =>
    at.get(`http://${SITE}${path}`, fields);

  /** Fetched, and held on disk. */
  readonly onDisk = async (path: string, at = this.stage): Promise<void> => {
    expect(said(await this.get(path, {}, at))).toBe("v1 fetched");
    await this.eventually(path, "v1 hit", {}, at);
    this.#calm();
  };

  /** Asked for until it is answered so, whatever is said before. */
  readonly eventually = async (
    path: string,
    wanted: string,
    fields = {},
    at = this.stage,
  ): Promise<void> => {
    for (let i = 0; i < 500; i++) {
      if (said(await this.get(path, fields, at)) === wanted) return;
      await new Promise((go) => setTimeout(go, 10));
    }
    expect(said(await this.get(path, fields, at))).toBe(wanted);
  };

  /** Answers are held back from now on until what it returns is called. */
  readonly hold = (): (() => void) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gate = promise;
    return resolve;
  };

  /** Its web server stops, and starts anew once what it returns is called. */
  readonly away = async (): Promise<() => void> => {
    const { address, port } = this.origin;
    await this.origin.stop();
    return () => {
      this.origin = startOrigin(address, port, this.#answer);
    };
  };

  #calm(): void {
    this.origin.log.length = 0;
    this.sent = 0;
  }

  /**
   * Path `/<size>/...?cc=<Cache-Control>`: that many bytes, all the version's number; with `parts` parts of
   * them, too, also with `parts=first` to who asks for a part with a condition, which is not looked at then.
   */
  readonly #answer = async (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url);
    const { version, failing } = this;
    await this.gate;
    if (failing !== null) return new Response(null, { status: failing });
    const etag = `"v${version}"`;
    const cc = this.control ?? searchParams.get("cc") ?? "max-age=60";
    const headers = { etag, "cache-control": cc, "accept-ranges": "bytes" };
    const asked = searchParams.has("parts") ? request.headers.get("range") : null;
    const range = /^bytes=(\d+)-(\d*)$/.exec(asked ?? "");
    const first = range !== null && searchParams.get("parts") === "first";
    if (request.headers.get("if-none-match") === etag && !first) {
      return new Response(null, { status: 304, headers });
    }
    const size = this.size ?? Number(pathname.split("/")[1]);
    const only = request.headers.get("if-range");
    const body = (bytes: number) => {
      this.sent += bytes;
      return new Uint8Array(bytes).fill(48 + version);
    };
    if (range === null || (only !== null && only !== etag)) {
      return new Response(body(size), { headers });
    }
    const [from, to] = [Number(range[1]), Math.min(size - 1, Number(range[2] || size))];
    const where = { "content-range": `bytes ${from}-${to}/${size}` };
    return new Response(body(to - from + 1), { status: 206, headers: { ...headers, ...where } });
  };
}

/** Which version a reply is of, and what is said of how it came to be. */
export function said({ text, headers }: Reply): string {
  const status = headers.get("cache-status") ?? "";
  const detail = /detail=([\w-]+)/.exec(status)?.[1];
  return `v${text[0]} ${detail ?? (status.includes("; hit") ? "hit" : "fetched")}`;
}
