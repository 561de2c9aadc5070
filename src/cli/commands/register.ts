import type { Command } from "commander";
import { registerAuditList } from "./audit-list.ts";
import { registerExplain } from "./explain.ts";
import { registerInvoices } from "./invoice.ts";
import { registerLogin } from "./login.ts";
import { registerApply } from "./network-apply.ts";
import { registerPublish } from "./network-publish.ts";
import { registerTest } from "./network-test.ts";
import { registerNodeList } from "./node-list.ts";
import { registerOriginAdd } from "./origin-add.ts";
import { registerOriginForce } from "./origin-force.ts";
import { registerOriginList } from "./origin-list.ts";
import { registerPurge } from "./purge.ts";
import { registerSimulate } from "./simulate.ts";
import { registerSiteAdd } from "./site-add.ts";
import { registerSiteList } from "./site-list.ts";
import { registerSiteShow } from "./site-show.ts";
import { registerSnapshotList } from "./snapshot-list.ts";
import { registerTokens } from "./token-create.ts";
import { registerTopDns } from "./top-dns.ts";
import { registerUsage } from "./usage.ts";
import { registerZoneDs } from "./zone-ds.ts";
import { registerZones } from "./zone-list.ts";

/** Adds every command that calls the API, in the order that help lists them. */
export function registerCommands(program: Command): void {
  registerLogin(program);
  registerApply(program);
  registerPublish(program);
  registerTest(program);
  registerSnapshotList(program);
  registerSiteList(program);
  registerSiteShow(program);
  registerSiteAdd(program);
  registerOriginList(program);
  registerOriginAdd(program);
  registerOriginForce(program);
  registerPurge(program);
  registerExplain(program);
  registerSimulate(program);
  registerNodeList(program);
  registerZones(program);
  registerUsage(program);
  registerInvoices(program);
  registerZoneDs(program);
  registerTokens(program);
  registerAuditList(program);
  registerTopDns(program);
}
