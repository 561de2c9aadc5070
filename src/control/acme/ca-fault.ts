import { Fault } from "../../base/fault.ts";
import type { FaultCode } from "../../base/fault-codes.ts";
import { type CaProblem, problemKind, problemWords } from "../../wire/acme/mod.ts";

/** What went wrong with a certificate authority. The detail is the authority's own words, bounded. */
export class CaFault extends Fault {
  /** What it refused with; null where it did not answer, or not as it should. */
  readonly problem: CaProblem | null;
  /** It asked not to be asked again before, ms. */
  readonly afterMs: number | null;

  constructor(
    code: Extract<FaultCode, "ca-unreachable" | "ca-broken" | "ca-refused">,
    detail: string,
    more: { problem?: CaProblem; afterMs?: number | null; cause?: unknown } = {},
  ) {
    super(code, detail, { cause: more.cause });
    this.problem = more.problem ?? null;
    this.afterMs = more.afterMs ?? null;
  }

  static refused(problem: CaProblem, afterMs: number | null = null): CaFault {
    return new CaFault("ca-refused", problemWords(problem), { problem, afterMs });
  }

  is(kind: string): boolean {
    return this.problem !== null && problemKind(this.problem) === kind;
  }
}
