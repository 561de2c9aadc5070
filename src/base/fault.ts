import { FAULT_CODES, type FaultCode } from "./fault-codes.ts";
import type { Problem } from "./result.ts";

/** Something in the world failed. Only `publicWords` and `problems` may leave the process. */
export class Fault extends Error {
  override readonly name = "Fault";
  readonly code: FaultCode;
  /** What is particular to this one, without the public words. */
  readonly detail: string;
  readonly problems: readonly Problem[];

  constructor(
    code: FaultCode,
    detail = "",
    more: { cause?: unknown; problems?: readonly Problem[] } = {},
  ) {
    super(detail === "" ? FAULT_CODES[code][2] : `${FAULT_CODES[code][2]}: ${detail}`, {
      cause: more.cause,
    });
    this.code = code;
    this.detail = detail;
    this.problems = more.problems ?? [];
  }

  get source(): string {
    return FAULT_CODES[this.code][0];
  }

  get retry(): "no" | "yes" | "if-reused" {
    return FAULT_CODES[this.code][1];
  }

  get publicWords(): string {
    return FAULT_CODES[this.code][2];
  }
}
