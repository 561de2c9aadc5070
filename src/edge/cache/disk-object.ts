import type { ObjectMeta } from "./object.ts";
import type { StoredFile } from "./stored-file.ts";

/** An object found on disk: small ones whole, large ones as a file to read from. */
export type DiskObject =
  | { readonly kind: "whole"; readonly meta: ObjectMeta; readonly bytes: Uint8Array<ArrayBuffer> }
  | {
      readonly kind: "file";
      readonly meta: ObjectMeta;
      readonly stored: StoredFile;
      /** Forgets the object: one of its blocks is not what was written. */
      readonly spoilt: () => void;
      /** The origin said that it is unchanged: from now on it has this meta, until a restart. */
      readonly renew: (meta: ObjectMeta) => void;
    };
