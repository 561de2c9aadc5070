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
  export function isVarbindError(varbind: Varbind): boolean;
  export const Version2c: number;
}
