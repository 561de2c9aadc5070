import { z } from "zod";
import { route } from "./route.ts";

/** The list itself, as it stands in `payload`. */
export const addressList = z
  .object({
    zone: z.string().meta({ description: "Of the network" }),
    number: z.int().meta({ description: "Of the snapshot: a higher one is newer" }),
    issuedAt: z.string(),
    nodes: z.array(
      z.object({
        name: z.string(),
        roles: z.array(z.enum(["edge", "probe"])),
        v4: z.string().optional(),
        v6: z.string().optional(),
      }),
    ),
  })
  .meta({ id: "AddressList" });
export type AddressList = z.infer<typeof addressList>;

export const signedAddresses = z
  .object({
    payload: z
      .string()
      .meta({ description: "An AddressList in JSON: the signature is of its bytes" }),
    algorithm: z.literal("Ed25519"),
    key: z.string().meta({ description: "The public key, 32 bytes in base64" }),
    signature: z.string().meta({ description: "64 bytes in base64" }),
  })
  .meta({ id: "SignedAddresses" });
export type SignedAddresses = z.infer<typeof signedAddresses>;

export const addressRoutes = {
  readAddresses: route({
    method: "get",
    path: "/addresses",
    access: "anyone",
    status: 200,
    summary: "The addresses of all caches and probes, signed: who may ask web servers",
    reply: signedAddresses,
  }),
} as const;
