/** The part of net-snmp that probes use. */
declare module "net-snmp" {
  export interface Varbind {
    readonly oid: string;
    readonly type: number;
    readonly value: unknown;
  }
  export interface Session {
    get(oids: string[], done: (error: Error | null, varbinds?: Varbind[]) => void): void;
    subtree(
      oid: string,
      maxRepetitions: number,
      feed: (varbinds: Varbind[]) => boolean,
      done: (error: Error | null) => void,
    ): void;
    close(): void;
    on(event: "error", listener: (error: Error) => void): void;
  }
  export function createSession(
    address: string,
    community: string,
    options: {
      port: number;
      retries: number;
      timeout: number;
      version: number;
      transport: "udp4" | "udp6";
    },
  ): Session;
  export interface User {
    name: string;
    level: number;
    authProtocol?: string;
    authKey?: string;
    privProtocol?: string;
    privKey?: string;
  }
  export function createV3Session(
    address: string,
    user: User,
    options: {
      port: number;
      retries: number;
      timeout: number;
      version: number;
      transport: "udp4" | "udp6";
    },
  ): Session;
  export const SecurityLevel: { readonly authNoPriv: number; readonly authPriv: number };
  export const AuthProtocols: Readonly<Record<"sha" | "sha256" | "sha512", string>>;
  export const PrivProtocols: Readonly<Record<"aes", string>>;
  export const Version3: number;
  export function isVarbindError(varbind: Varbind): boolean;
  export const Version2c: number;
}
