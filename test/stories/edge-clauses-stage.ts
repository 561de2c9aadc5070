import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { parseList } from "structured-headers";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, snapshotOf, ZONE } from "./edge-stage.ts";
import { type AskUrl, type Said, TwoWays } from "./edge-two-ways.ts";
import { RawOrigin } from "./raw-origin.ts";

export const SITE = "www.clauses.example";
export const MOVED = "www.paused.example";
/** The same, to a page with a query and a fragment of the rule's own. */
export const MOVED_WITH_QUERY = "www.paused-too.example";

export const date = (ms: number) => `Date: ${new Date(ms).toUTCString()}`;

/** A cache and one web server, for tests that each ask over HTTP/1.1 and over HTTP/2. */
export class ClausesStage {
  readonly origin = new RawOrigin();
  readonly log = this.origin.log;
  stage!: Stage;
  readonly #ways = new TwoWays(() => this.stage);
  /** How the clause is being asked about. */
  via: AskUrl = this.#ways.http1;
  /** What it is asked about begins so: nothing that was asked for the other way is held. */
  start = "";

  /** @param of the addresses of the web server and of the cache */
  constructor(of: { readonly origin: string; readonly edge: string }) {
    beforeAll(async () => {
      const { port } = await this.origin.start(of.origin);
      const origins = [{ name: "o1", v4: of.origin, port }];
      const site = { hostname: SITE, customer: "clauses", port, front: "caches" as const, origins };
      const moved = (hostname: string, to: string) => {
        const rules = [{ name: "pause", redirect: { status: 302, to } }];
        return { ...site, hostname, rules };
      };
      const sites = [
        ...[site, moved(MOVED, "/pause.html")],
        moved(MOVED_WITH_QUERY, "/pause.html?why=b?c#top"),
      ];
      this.stage = new Stage(snapshotOf(sites), of.edge);
      const names = [SITE, MOVED, MOVED_WITH_QUERY, `c.${ZONE}`];
      await this.stage.start({ tls: selfSigned(names, new Date()) });
    });
    afterAll(async () => {
      this.#ways.close();
      await this.stage.stop();
      await this.origin.stop();
    });
    beforeEach(() => {
      this.log.length = 0;
    });
  }

  readonly nowMs = () => this.stage.clock.wallMs();

  readonly get = (path: string, fields: Record<string, string> = {}, method = "GET") =>
    this.via(`http://${SITE}${this.start}${path}`, { fields, method });

  /** A test over HTTP/1.1 and one over HTTP/2. */
  readonly clause = (name: string, run: () => Promise<void>) => {
    for (const [protocol, ask] of this.#ways.both) {
      test(`${name}, over ${protocol}`, async () => {
        this.via = ask;
        this.start = `/${protocol.replace(/\W/g, "")}`;
        await run();
      });
    }
  };
}

/** Our member of Cache-Status, read by a parser of structured fields. */
export function ours(reply: Said): Record<string, unknown> {
  const [name, params] = parseList(reply.headers.get("cache-status") ?? "").at(-1)!;
  expect(String(name)).toBe("edge-1");
  return Object.fromEntries([...params].map(([key, value]) => [key, String(value)]));
}
