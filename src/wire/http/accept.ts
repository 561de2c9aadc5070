/** A longer field is no browser's, and is read often: nothing of it counts. */
const LENGTH_MAX = 1_024;

/**
 * What an Accept or Accept-Encoding field wants, and how much (RFC 9110 12.4.2): names in lower case, weights
 * from 0, which is not acceptable, to 1. What is no weight is taken for 0; of a name that comes twice the
 * last counts.
 *
 * @example readWeights("text/html, image/webp;q=0") // text/html 1, image/webp 0
 */
export function readWeights(field: string): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  if (field.length > LENGTH_MAX) return weights;
  for (const member of field.toLowerCase().split(",")) {
    const [name, ...params] = member.split(";").map((part) => part.trim());
    if (name !== undefined && name !== "") weights.set(name, weightOf(params));
  }
  return weights;
}

function weightOf(params: readonly string[]): number {
  for (const param of params) {
    const weight = /^q\s*=\s*(0(\.\d{0,3})?|1(\.0{0,3})?)$/.exec(param)?.[1];
    if (weight !== undefined) return Number(weight);
    if (/^q\s*=/.test(param)) return 0;
  }
  return 1;
}

/** How much content codings are wanted. */
interface CodingWeights {
  /** Of one that is not named that of `*`, else 0. */
  of(coding: string): number;
  /** Of the bytes as they are, which are acceptable unless they are excluded; null: nothing is said of them. */
  readonly plain: number | null;
}

/** An Accept-Encoding field (RFC 9110 12.5.3); null where there is none. `x-gzip` is gzip (8.4.1.3). */
export function readCodings(field: string | null): CodingWeights {
  const weights = readWeights(field ?? "");
  const any = weights.get("*");
  return {
    of: (coding) => {
      const alias = coding === "gzip" ? weights.get("x-gzip") : undefined;
      return weights.get(coding) ?? alias ?? any ?? 0;
    },
    plain: weights.get("identity") ?? (any === 0 ? 0 : null),
  };
}
