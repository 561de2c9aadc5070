import type { RouteName } from "../../src/model/api/mod.ts";
import { type Handler, type Input, Refusal, sitesOf, who } from "./asked.ts";
import { certificateOf, nodesOf } from "./world.ts";

function operatorOnly<T>(what: T, input: Input): T {
  if (who(input).kind !== "operator") throw new Refusal(403, "Not allowed");
  return what;
}

/** Credentials for web servers, as the double of the API keeps them. */
export const credentialHandlers = {
  listNetworkCertificates: (world, input) => ({
    reply: operatorOnly(world.networkCertificates, input),
  }),
  addNetworkCertificate(world, input) {
    const row = certificateOf(input.body.name ?? "c.cdn.example", {});
    operatorOnly(world.networkCertificates, input).push(row);
    return { reply: row };
  },
  deleteNetworkCertificate(world, input) {
    const all = operatorOnly(world.networkCertificates, input);
    const at = all.findIndex(({ name }) => name === input.params.name);
    all.splice(at, 1);
    return {};
  },
  readAddresses(world) {
    const nodes = nodesOf(world).map(({ name, v4, v6 }) => {
      return { name, roles: ["edge"], ...(v4 && { v4 }), ...(v6 && { v6 }) };
    });
    const list = { zone: "cdn.example", number: world.snapshot, issuedAt: "", nodes };
    const signed = { algorithm: "Ed25519", key: "a2V5", signature: "c2ln" };
    return { reply: { payload: JSON.stringify(list), ...signed } };
  },
  listCredentials(world, input) {
    sitesOf(world, input);
    return { reply: input.params.customer === "acme" ? world.credentials : [] };
  },
  putCredential(world, input) {
    sitesOf(world, input);
    const { name = "" } = input.params;
    const { kind, certificate, privateKey, value } = input.body;
    const problems = [
      { path: "certificate", message: "expected an X.509 certificate in PEM" },
      { path: "privateKey", message: "expected the certificate's own private key" },
    ];
    if (kind === "certificate" && !certificate.includes(privateKey.slice(-10))) {
      throw new Refusal(422, "The input has problems", { problems });
    }
    const at = world.credentials.findIndex((one) => one.name === name);
    const madeAt = new Date(world.nowMs).toISOString();
    const row = { name, kind, about: "", madeAt, sites: world.credentials[at]?.sites ?? [] };
    world.credentials.splice(at < 0 ? world.credentials.length : at, at < 0 ? 0 : 1, row);
    const made = kind === "value" && value === undefined ? { value: "made-up-value-1234" } : {};
    return { reply: { name, kind, ...made } };
  },
  deleteCredential(world, input) {
    const at = world.credentials.findIndex(({ name }) => name === input.params.name);
    world.credentials.splice(at, 1);
    return {};
  },
} satisfies { readonly [N in RouteName]?: Handler };
