import { readOrcaBinary } from "./orca-binary.ts";
import { memoryShareLoad, type ReportedLoad } from "./reported-load.ts";

/** The response field of Open Request Cost Aggregation (xDS ORCA). */
export const ORCA_FIELD = "endpoint-load-metrics";
/** The same as gRPC has it: the binary form alone, without its name. */
export const ORCA_BINARY_FIELD = "endpoint-load-metrics-bin";

const CHARS_MAX = 4096;
const UTILIZATION_MAX = 10;

/**
 * The loads in an `endpoint-load-metrics` field, in its forms `TEXT a=0.3, b=0.8`,
 * `JSON {"a":0.3}` and `BIN CQAA...` (protobuf in base64): `application_utilization` is the reported load, `cpu_utilization` and
 * `mem_utilization` are CPU and memory. Other metrics tell nothing here.
 * Never throws.
 *
 * @example readOrca("TEXT cpu_utilization=0.3")[0]?.load // 0.3
 */
export function readOrca(field: string): ReportedLoad[] {
  const [, form, body] = /^\s{0,9}(TEXT|JSON|BIN)\s(.*)$/is.exec(field.slice(0, CHARS_MAX)) ?? [];
  if (form === undefined || body === undefined) return [];
  const metrics = FORMS[form.toUpperCase()]!(body);
  const loads: ReportedLoad[] = [];
  const application = metrics("application_utilization");
  const cpu = metrics("cpu_utilization");
  const memory = metrics("mem_utilization");
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  if (application !== null) {
    const detail = `ORCA: application at ${percent(application)}`;
    loads.push({ kind: "reported", load: application, detail });
  }
  if (cpu !== null) loads.push({ kind: "cpu", load: cpu, detail: `ORCA: busy ${percent(cpu)}` });
  if (memory !== null) {
    const detail = `ORCA: used ${percent(memory)}`;
    loads.push({ kind: "memory", load: memoryShareLoad(memory), detail });
  }
  return loads;
}

type Metrics = (name: string) => number | null;

const FORMS: Readonly<Record<string, (body: string) => Metrics>> = {
  TEXT: fromText,
  JSON: fromJson,
  BIN: fromBinary,
};

function fromBinary(body: string): Metrics {
  const values = readOrcaBinary(body);
  return (name) => {
    const value = values?.get(name);
    return value === undefined ? null : utilization(value);
  };
}

/** The field of a response that has either of the two; "": it has none. */
export function orcaOf(field: (name: string) => string | null | undefined): string {
  const binary = field(ORCA_BINARY_FIELD);
  return field(ORCA_FIELD) ?? (binary == null ? "" : `BIN ${binary}`);
}

function fromText(body: string): Metrics {
  const values = new Map<string, string>();
  for (const pair of body.split(",")) {
    const at = pair.indexOf("=");
    if (at > 0) values.set(pair.slice(0, at).trim(), pair.slice(at + 1).trim());
  }
  return (name) => {
    const text = values.get(name);
    return text === undefined || !/^\d{1,9}(\.\d{1,15})?$/.test(text) ? null : utilization(+text);
  };
}

function fromJson(body: string): Metrics {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return () => null;
  }
  if (value === null || typeof value !== "object") return () => null;
  const object = value as Record<string, unknown>;
  return (name) => {
    const camel = name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
    const found = object[name] ?? object[camel];
    return typeof found === "number" ? utilization(found) : null;
  };
}

function utilization(value: number): number | null {
  return Number.isFinite(value) && value >= 0 ? Math.min(UTILIZATION_MAX, value) : null;
}
