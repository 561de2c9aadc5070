import type { SiteCheck } from "../../model/site-check.ts";
import type { SnapshotCheck } from "../../model/snapshot.ts";

/** A site's check without what nobody asked for: an absent key, never an undefined one. */
export function compileCheck(check: SiteCheck): SnapshotCheck {
  const { intervalMs, timeoutMs, fall, rise, http, tcp, ftp } = check;
  return {
    intervalMs,
    timeoutMs,
    fall,
    rise,
    http: http === null ? null : present(http),
    tcp,
    ftp: ftp === null ? null : present(ftp),
    ...(check.tls === undefined ? {} : { tls: present(check.tls) }),
    ...(check.dns === undefined ? {} : { dns: present(check.dns) }),
    ...(check.icmp === true ? { icmp: true } : {}),
    ...(check.certificateDays === undefined ? {} : { certificateDays: check.certificateDays }),
  };
}

type Present<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K];
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

function present<T extends object>(value: T): Present<T> {
  const kept = Object.entries(value).filter(([, one]) => one !== undefined);
  return Object.fromEntries(kept) as Present<T>;
}
