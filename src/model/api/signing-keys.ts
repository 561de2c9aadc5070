import { z } from "zod";
import { slug } from "../names.ts";
import { customerParams } from "./customer.ts";
import { route } from "./route.ts";

const keyParams = z.object({ customer: slug, name: slug });
const PATH = "/customers/{customer}/signing-keys/{name}";

/** Base64 of 32 to 128 bytes. */
const secret = z.string().regex(/^(?=.{43,172}$)[A-Za-z0-9+/]+={0,2}$/, {
  message: "expected 32 to 128 bytes in base64",
});

export const signingKeyPut = z.strictObject({
  secret: secret.optional().meta({ description: "Default: 32 random bytes" }),
});

export const signingKeyMade = z
  .object({
    name: z.string(),
    secret: z.string().meta({ description: "In base64; only this once" }),
  })
  .meta({ id: "SigningKeyMade" });
export type SigningKeyMade = z.infer<typeof signingKeyMade>;

export const signingKeyRow = z
  .object({
    name: z.string(),
    madeAt: z.string(),
    rules: z.array(z.string()).meta({ description: "Hostname and rule of each that names it" }),
  })
  .meta({ id: "SigningKeyRow" });
export type SigningKeyRow = z.infer<typeof signingKeyRow>;

export const signingKeyRoutes = {
  listSigningKeys: route({
    method: "get",
    path: "/customers/{customer}/signing-keys",
    access: "viewer",
    status: 200,
    summary: "A customer's keys for signed addresses, without their secrets",
    params: customerParams,
    reply: z.array(signingKeyRow),
  }),
  putSigningKey: route({
    method: "put",
    path: PATH,
    access: "editor",
    status: 200,
    summary: "Make a key for signed addresses, or give it another secret; it is shown this once",
    params: keyParams,
    body: signingKeyPut,
    reply: signingKeyMade,
  }),
  deleteSigningKey: route({
    method: "delete",
    path: PATH,
    access: "editor",
    status: 204,
    summary: "Remove a key: what it signed is refused from then on",
    params: keyParams,
  }),
} as const;
