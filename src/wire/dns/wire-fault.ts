/** Why bytes are no DNS message. Frozen constants: a decoder neither throws nor allocates these. */
export interface WireFault {
  readonly fault:
    | "short"
    | "label"
    | "pointer"
    | "name-too-long"
    | "data"
    | "edns"
    | "client-subnet"
    | "trailing";
}

export const FAULT = {
  /** Ends before what its counts and lengths promise. */
  SHORT: Object.freeze({ fault: "short" }),
  /** A label type other than plain and pointer (RFC 6891 5 retired the others). */
  LABEL: Object.freeze({ fault: "label" }),
  /** A pointer that does not point strictly backwards into the message's body, or one too many. */
  POINTER: Object.freeze({ fault: "pointer" }),
  NAME_TOO_LONG: Object.freeze({ fault: "name-too-long" }),
  /** Record data that does not fill its length exactly. */
  DATA: Object.freeze({ fault: "data" }),
  /** Two OPT records, one outside the additional section, or one not at the root. */
  EDNS: Object.freeze({ fault: "edns" }),
  CLIENT_SUBNET: Object.freeze({ fault: "client-subnet" }),
  TRAILING: Object.freeze({ fault: "trailing" }),
} as const satisfies Record<string, WireFault>;

/** @example if (isWireFault(message)) return; */
export function isWireFault(value: object): value is WireFault {
  return "fault" in value && typeof value.fault === "string" && Object.isFrozen(value);
}
