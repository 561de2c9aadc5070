// From `dnssec: true` in a file to an answer that the DS record of `turnpike zone ds` makes secure,
// and on with control dead.
import { expect } from "bun:test";
import { ask, serialOf } from "../lab/ask.ts";
import { testWith } from "../lab/needs.ts";
import { until } from "../lab/process.ts";
import { delv } from "../lab/signed-world.ts";
import { PORTS, smallNetwork, smallNode, upArgs, ZONE } from "../lab/small-network.ts";
import { Api, Folder, loopback, runTurnpike, startTurnpike } from "../lab/turnpike.ts";

testWith(["delv"], "zone ds gives what makes the zone secure, also without control", async () => {
  const folder = new Folder();
  const host = loopback()(1);
  const data = folder.join("data");
  const all = startTurnpike(upArgs(folder, "all", smallNode({ address: host, data })));
  let alone: ReturnType<typeof startTurnpike> | null = null;
  try {
    const url = `http://${host}:${PORTS.control}`;
    const api = new Api(url);
    let token = "";
    const signIn = async () => {
      token = await api.signIn().catch(() => "");
      return token !== "";
    };
    await until(signIn, { what: "control to answer", withinMs: 20_000, everyMs: 100 });
    const network = { ...smallNetwork({ address: host, origins: ["127.0.9.1"] }), dnssec: true };
    await api.must("POST", "/apply", { network });
    const env = { TURNPIKE_URL: url, TURNPIKE_TOKEN: token };
    const { code, output } = await runTurnpike(["zone", "ds", ZONE], env);
    expect(code).toBe(0);
    const anchors = output.split("\n").filter((line) => line.includes(" IN DS "));
    expect(anchors).toHaveLength(1);
    const o = { dir: folder.path, host, port: PORTS.dns, anchors };
    const secure = async (name: string) => {
      return (await delv(o, name, "A")).includes("; fully validated");
    };
    const wait = { what: "a secure answer", withinMs: 15_000, everyMs: 100 };
    await until(() => secure(`ns-one.${ZONE}`), wait);
    expect(await secure(`c.${ZONE}`)).toBe(true);
    const none = await delv(o, `none.${ZONE}`, "A");
    expect(none).toContain("negative response, fully validated");
    const unsigned = await runTurnpike(["zone", "ds", "www.shop.example"], env);
    expect([unsigned.code, unsigned.output]).toEqual([1, expect.stringContaining("dnssec: true")]);
    const server = { host, port: PORTS.dns };
    const number = await serialOf(server, ZONE);
    await all.stop();

    const node = smallNode({ address: host, data, roles: ["dns", "edge", "probe"] });
    alone = startTurnpike(upArgs(folder, "alone", node));
    const up = () =>
      ask(server, ZONE, "SOA").then(
        () => true,
        () => false,
      );
    await until(up, { what: "the name server alone", withinMs: 20_000, everyMs: 100 });
    expect(await serialOf(server, ZONE)).toBe(number);
    expect(await secure(`ns-one.${ZONE}`)).toBe(true);
    expect(await secure(`c.${ZONE}`)).toBe(true);
  } finally {
    await all.stop();
    await alone?.stop();
    folder.remove();
  }
});
