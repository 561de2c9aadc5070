/**
 * Logs of sites that their owners have sent to them: lines wait on the disk in numbered batches, and
 * each batch is sent until the receiver says that it has it. Not here: how a line looks
 * (../access-log.ts), and the operator's own log on the node.
 */
export { LogDelivery } from "./delivery.ts";
export { startLogs } from "./start.ts";
