// The same zone served by us, by NSD and by Knot: generated questions, answers compared section by
// section; every difference belongs to one of the kinds explained here, or the test fails.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { seededRng } from "../../src/base/rng.ts";
import { readZoneFile, serverNames, writeZoneFile } from "../../src/control/commands/zone-file.ts";
import type { DnsServer } from "../../src/dns/mod.ts";
import { network } from "../../src/model/network.ts";
import { absoluteName } from "../../src/model/zone.ts";
import { compile } from "../../src/policy/snapshot/mod.ts";
import {
  type Answer,
  COMPARED,
  COMPARED_TEXT,
  makeQuestion,
  type Question,
  readAnswer,
} from "../lab/compare-zone.ts";
import { findProgram, whyNot } from "../lab/needs.ts";
import { nsdConf } from "../lab/peers.ts";
import { Program, until } from "../lab/process.ts";
import { Folder, loopback } from "../lab/turnpike.ts";
import { Asker, knotConf, serveSnapshot } from "../lab/zone-peers.ts";

const COUNT = Number(process.env.TURNPIKE_QUESTIONS ?? "2000");
const COUNT_TCP = Number(process.env.TURNPIKE_QUESTIONS_TCP ?? "500");
const AT_ONCE = 64;

type Kind = keyof typeof EXPLAINED;

/** What may differ, and why. */
const EXPLAINED = {
  "ours-adds-server-addresses":
    "The addresses of our name servers lie in the network's own zone, which the peer does not hold.",
  "peer-adds-authority":
    "The peer adds the zone's NS, and their addresses, to answers that need none (RFC 1034 4.3.2 step 6 lets it).",
  "ours-adds-service-addresses":
    "We add the addresses of the hosts that SVCB and HTTPS name (RFC 9460 4.1 says SHOULD); the peer does not.",
  "addresses-below-a-cut":
    "Addresses of an MX or SRV host below a delegation: helpful, not needed; one adds them, the other not.",
  "optional-addresses-fit":
    "How many optional addresses fit before the size limit depends on compression.",
  "chain-length": "A CNAME loop is followed 8 times by us, until it repeats or longer by the peer.",
  "needed-glue":
    "Glue that a referral needs does not fit: TC from us (RFC 9471 2), left out without TC by the peer.",
  "peer-truncates-earlier":
    "The peer writes names longer, or with NS that we leave out, and so reaches the limit first.",
  "truncated-content":
    "With TC the sections are empty from us, and partly filled by the peer (RFC 2181 9).",
  "meta-type": "TSIG as a question's type: NOTIMP from us, FORMERR or NXDOMAIN from the peer.",
} as const;

const why = whyNot(["root", "nsd"]);
const story = why === null ? test : test.skip;
const reason = why === null ? "" : ` [skipped: ${why}]`;
const knotd = findProgram("knotd");
const knotStory = why === null && knotd !== null ? test : test.skip;
const knotReason = why !== null ? reason : knotd === null ? " [skipped: no knotd]" : "";

interface Difference {
  readonly question: string;
  readonly ours: Answer | string;
  readonly theirs: Answer | string;
}

/** The kinds that explain a difference; null if something is left. */
function explain(question: Question, ours: Answer, theirs: Answer): Kind[] | null {
  const kinds = new Set<Kind>();
  const without = (list: readonly string[], other: readonly string[]) =>
    list.filter((one) => !other.includes(one));
  if (/ TSIG/.test(question.words)) return ["meta-type"];
  const [cut, theirsCut] = [ours.flags.includes("T"), theirs.flags.includes("T")];
  if (cut && theirsCut) return ["truncated-content"];
  if (cut && theirs.authorities.some((one) => one.startsWith("manyns."))) return ["needed-glue"];
  if (theirsCut && !cut) return ["peer-truncates-earlier"];
  if (ours.code !== theirs.code) return null;
  if (ours.flags !== theirs.flags || ours.question !== theirs.question) return null;
  if (ours.answers.join() !== theirs.answers.join()) {
    if (!/loop[12]\.|\.self\./.test(ours.answers.join())) return null;
    kinds.add("chain-length");
  }
  const apexNs = (one: string) => one.startsWith(`${COMPARED} 3600 NS `);
  const lacks = without(theirs.authorities, ours.authorities);
  if (lacks.length > 0) {
    if (!lacks.every(apexNs)) return null;
    kinds.add("peer-adds-authority");
  }
  if (without(ours.authorities, theirs.authorities).length > 0) return null;
  for (const one of without(ours.additionals, theirs.additionals)) {
    if (/^ns[12]-shop\.net\.example /.test(one)) kinds.add("ours-adds-server-addresses");
    else if (/ (?:SVCB|HTTPS)/.test(question.words)) kinds.add("ours-adds-service-addresses");
    else if (/\.(?:sub|beside)\./.test(one)) kinds.add("addresses-below-a-cut");
    else if (/^host\d+\.(?:mx|manyns)\./.test(one)) kinds.add("optional-addresses-fit");
    else return null;
  }
  for (const one of without(theirs.additionals, ours.additionals)) {
    if (/\.(?:sub|beside)\./.test(one)) kinds.add("addresses-below-a-cut");
    else if (/^host\d+\.(?:mx|manyns)\./.test(one)) kinds.add("optional-addresses-fit");
    else return null;
  }
  return [...kinds];
}

describe("one zone, three name servers", () => {
  const folder = new Folder();
  const host = loopback();
  const programs: Program[] = [];
  const askers: Asker[] = [];
  const tcpAskers: Asker[] = [];
  let dns: DnsServer;
  let names: readonly string[] = [];
  const figures: Record<string, unknown> = { explained: EXPLAINED };

  beforeAll(async () => {
    if (why !== null) return;
    const [text, snapshot] = world();
    dns = await serveSnapshot(snapshot, host(1));
    const conf = nsdConf({
      dir: folder.join("nsd"),
      address: host(2),
      zones: { [COMPARED]: text },
    });
    const nsd = new Program([findProgram("nsd")!, "-d", "-c", conf], { name: "nsd" });
    programs.push(nsd);
    if (knotd !== null) {
      const dir = folder.join("knot");
      const path = knotConf({ dir, address: host(3), zone: COMPARED, text });
      programs.push(new Program([knotd, "-c", path], { name: "knotd" }));
    }
    const places = [dns.port, 53, 53].map((port, i) => ({ host: host(i + 1), port }));
    askers.push(...places.map((place) => new Asker(place)));
    tcpAskers.push(...places.map((place) => new Asker(place, "tcp")));
    const probe = makeQuestion(seededRng(1), [COMPARED]);
    for (const [i, program] of programs.entries()) {
      await until(
        async () => {
          const answer = readAnswer(await askers[i + 1]!.ask(probe.bytes));
          return typeof answer !== "string" && answer.code !== "2";
        },
        { what: `${program.name} to serve: ${program.output}`, withinMs: 20_000 },
      );
    }
  }, 60_000);

  afterAll(async () => {
    for (const asker of [...askers, ...tcpAskers]) asker.close();
    for (const program of programs) await program.stop();
    await dns?.stop();
    folder.remove();
    const { TURNPIKE_EVIDENCE } = process.env;
    if (TURNPIKE_EVIDENCE) writeFileSync(TURNPIKE_EVIDENCE, JSON.stringify(figures));
  }, 30_000);

  function world() {
    const bare = network.parse({
      zone: "net.example",
      pops: [{ name: "here" }],
      nodes: ["a", "b"].map((name, i) => {
        return { name, pop: "here", roles: ["dns"], addresses: { v4: `192.0.2.${100 + i}` } };
      }),
      plans: [{ kind: "fixed", name: "flat", title: "Flat", currency: "EUR", monthly: "1.00" }],
      customers: [{ name: "shop", plan: "flat" }],
    });
    const read = readZoneFile(COMPARED_TEXT, COMPARED, serverNames(bare, "shop"));
    if (!read.ok) throw new Error(JSON.stringify(read.problems));
    const records = [...read.value.records];
    names = [...new Set(records.map((one) => absoluteName(one.name, COMPARED)))];
    const customers = [{ ...bare.customers[0]!, zones: [{ name: COMPARED, records }] }];
    const intent = { network: { ...bare, customers }, version: 1, targets: {} };
    const snapshot = compile({ intent, number: 7, createdAtMs: 0, sha256: () => "0".repeat(64) });
    if (!snapshot.ok) throw new Error(JSON.stringify(snapshot.problems));
    return [
      writeZoneFile({ name: COMPARED, customer: "shop", records }, bare, 7),
      snapshot.value,
    ] as const;
  }

  async function compareWith(peer: "nsd" | "knot", over: "udp" | "tcp"): Promise<Difference[]> {
    const rng = seededRng(20_261_122);
    const [all, count] = over === "udp" ? [askers, COUNT] : [tcpAskers, COUNT_TCP];
    const [we, they] = [all[0]!, all[peer === "nsd" ? 1 : 2]!];
    const counts: Record<string, number> = {};
    const left: Difference[] = [];
    let same = 0;
    const one = async () => {
      const question = makeQuestion(rng, names);
      const [a, b] = await Promise.all([we.ask(question.bytes), they.ask(question.bytes)]);
      const [ours, theirs] = [readAnswer(a), readAnswer(b)];
      if (Bun.deepEquals(ours, theirs)) {
        same += 1;
        return;
      }
      const both = typeof ours !== "string" && typeof theirs !== "string";
      const kinds = both ? explain(question, ours, theirs) : null;
      if (kinds === null) left.push({ question: question.words, ours, theirs });
      for (const kind of kinds ?? []) counts[kind] = (counts[kind] ?? 0) + 1;
    };
    for (let done = 0; done < count; done += AT_ONCE) {
      await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - done) }, one));
    }
    const found = { questions: count, same, differences: counts, unexplained: left.length };
    figures[`${peer} over ${over}`] = found;
    return left;
  }

  for (const over of ["udp", "tcp"] as const) {
    story(`NSD loads what we export and answers as we do over ${over}${reason}`, async () => {
      expect((await compareWith("nsd", over)).slice(0, 5)).toEqual([]);
    });

    knotStory(
      `Knot loads what we export and answers as we do over ${over}${knotReason}`,
      async () => {
        expect((await compareWith("knot", over)).slice(0, 5)).toEqual([]);
      },
    );
  }
});
