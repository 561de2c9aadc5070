import type { Clock } from "../base/clock.ts";
import type { NodeStats } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { startClientRtt } from "./client-rtt.ts";
import { startFigures } from "./figures.ts";
import { openTcpDiag } from "./netlink.ts";

export interface OwnFigures {
  /** Since the call before, with what was served meanwhile. */
  take(
    served: Pick<NodeStats, "edge" | "tiers">,
    snapshot: Snapshot | null,
  ): Pick<NodeStats, "figures" | "clientRtt" | "networks">;
  stop(): void;
}

/** Starts to watch this process, its machine, and the connections of its clients. */
export function startOwnFigures(o: {
  readonly clock: Clock;
  readonly hosts: readonly string[];
  readonly ports: readonly number[];
  /** False: another process of the node watches the connections. */
  readonly alone?: boolean;
}): OwnFigures {
  const diag = o.alone === false ? null : openTcpDiag();
  const clients = startClientRtt({ ...o, diag });
  const figures = startFigures({ clock: o.clock, connections: clients.connections });
  return {
    take: ({ edge, tiers }, snapshot) => {
      return { figures: figures.take(edge, tiers), ...clients.take(snapshot) };
    },
    stop() {
      figures.stop();
      clients.stop();
    },
  };
}
