import type { CertificateState, ObtainedRow } from "../model/api/mod.ts";
import { OF_NETWORK } from "../model/certificate.ts";

/** What is told of one certificate that is kept. */
export interface KeptFigure {
  readonly customer: string;
  readonly kind: "uploaded" | "obtained";
  readonly state: CertificateState;
  readonly notAfterMs: number;
}

/** What is told of one name whose certificate is obtained by itself. */
export type NameFigure = Pick<ObtainedRow, "state" | "alarm">;

const KINDS = ["uploaded", "obtained"] as const;
const STATES: readonly CertificateState[] = ["valid", "expiring", "expired", "not-yet"];
const NAME_STATES: readonly ObtainedRow["state"][] = [
  ...(["waiting", "ordering", "obtained", "failed", "own"] as const),
];

/**
 * Samples for the metrics of certificates: counts by state, and the first end of each kind. No name is in
 * them, so there are as many lines for a million as for one.
 */
export function certificateSamples(
  kept: readonly KeptFigure[],
  names: readonly NameFigure[],
): readonly Family[] {
  const counts = KINDS.flatMap((kind) =>
    STATES.map((state): Sample => {
      const alike = kept.filter((one) => one.kind === kind && one.state === state);
      return [`{kind="${kind}",state="${state}"}`, alike.length];
    }),
  );
  const ends = (of: string, some: readonly KeptFigure[], pick: (...all: number[]) => number) => {
    if (some.length === 0) return [];
    const atMs = some.map(({ notAfterMs }) => notAfterMs).reduce((a, b) => pick(a, b));
    return [[`{of="${of}"}`, Math.floor(atMs / 1000)] as const];
  };
  const ofNetwork = kept.filter(({ customer }) => customer === OF_NETWORK);
  const others = kept.filter(({ customer }) => customer !== OF_NETWORK);
  const ofKind = (kind: string) => others.filter((one) => one.kind === kind);
  return [
    ["turnpike_certificates", "Certificates by where they came from and state", counts],
    [
      "turnpike_certificate_expiry_timestamp_seconds",
      "When the network's own certificate ends, and the first of customers'",
      [
        ...ends("network", ofNetwork, Math.max),
        ...KINDS.flatMap((kind) => ends(kind, ofKind(kind), Math.min)),
      ],
    ],
    [
      "turnpike_certificate_names",
      "Names whose certificates are obtained by themselves, by state",
      NAME_STATES.map((state): Sample => {
        return [`{state="${state}"}`, names.filter((one) => one.state === state).length];
      }),
    ],
    [
      "turnpike_certificate_alarms",
      "Names that fail while a quarter or less is left of what caches show",
      [["", names.filter(({ alarm }) => alarm === true).length]],
    ],
  ];
}

type Sample = readonly [labels: string, value: number];
/** A metric: its name, its help, its samples. */
export type Family = readonly [name: string, help: string, samples: readonly Sample[]];
