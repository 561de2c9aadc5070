import { writeFileSync } from "node:fs";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { type Recorder, startRecorder } from "../lab/recorder.ts";
import { Stage, snapshotOf } from "./edge-stage.ts";

export const BANK = "www.bank.example";

/** One site of one customer behind a cache, over TLS as well; its web server notes what reaches it. */
export interface BankStage {
  readonly origin: Recorder;
  readonly stage: Stage;
  /** What was seen goes into the evidence file, where one is asked for. */
  stop(figures?: Readonly<Record<string, unknown>>): Promise<void>;
}

export async function startBank(o: {
  /** Where the web server and the cache listen. */
  readonly origin: string;
  readonly edge: string;
  readonly connectionsMax?: number;
  readonly http3?: boolean;
}): Promise<BankStage> {
  const origin = await startRecorder(o.origin);
  const { address, port } = origin;
  const most = o.connectionsMax === undefined ? {} : { connectionsMax: o.connectionsMax };
  const origins = [{ name: "o1", v4: address, port, ...most }];
  const site = { hostname: BANK, customer: "bank", port, front: "caches" as const, origins };
  const stage = new Stage(snapshotOf([site]), o.edge);
  await stage.start({ tls: selfSigned([BANK], new Date()), http3: o.http3 === true });
  return {
    origin,
    stage,
    async stop(figures) {
      const evidence = process.env.TURNPIKE_EVIDENCE;
      if (evidence !== undefined && figures !== undefined)
        writeFileSync(evidence, JSON.stringify(figures));
      await stage.stop();
      await origin.stop();
    },
  };
}
