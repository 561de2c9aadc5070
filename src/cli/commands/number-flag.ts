import { Fault } from "../../base/fault.ts";

/**
 * What is written as a number; which ones may be, the API says.
 *
 * @param path as its user wrote it, such as `--port`
 * @throws Fault `bad-input`
 */
export function numberFlag(path: string, text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (Number.isFinite(value)) return value;
  const problem = { path, message: "expected a number", received: text };
  throw new Fault("bad-input", "", { problems: [problem] });
}
