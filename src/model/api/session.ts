import { z } from "zod";
import { slug } from "../names.ts";

export const signIn = z.strictObject({
  email: z.string().min(1).max(254),
  password: z.string().min(1).max(200),
});

export const memberRole = z.enum(["viewer", "editor", "owner"]);
export type MemberRole = z.infer<typeof memberRole>;

/** Who is signed in. The operator has no customer and the role `owner`. */
export const session = z
  .object({
    email: z.string(),
    kind: z.enum(["operator", "member"]),
    customer: z.string().nullable(),
    role: memberRole,
  })
  .meta({ id: "Session" });
export type Session = z.infer<typeof session>;

export const tokenScope = z.enum(["read", "write", "purge"]);

export const tokenCreate = z.strictObject({
  name: z.string().min(1, "expected a name, such as deploys").max(80),
  scope: tokenScope.default("write"),
  customer: slug.optional().meta({ description: "The operator may make a token for one customer" }),
  days: z.int().min(1).max(3650).default(365).meta({ description: "Days until it expires" }),
});

export const tokenRow = z
  .object({
    id: z.string(),
    name: z.string(),
    scope: tokenScope,
    customer: z.string().nullable().meta({ description: "Null: a token of the operator" }),
    createdAt: z.string(),
    expiresAt: z.string(),
    lastUsedAt: z.string().nullable(),
  })
  .meta({ id: "Token" });
export type TokenRow = z.infer<typeof tokenRow>;

/** The only answer that ever carries the token itself. */
export const tokenCreated = tokenRow.extend({ token: z.string() }).meta({ id: "TokenCreated" });
export type TokenCreated = z.infer<typeof tokenCreated>;

export const auditEntry = z
  .object({
    seq: z.int(),
    at: z.string(),
    actor: z.string().meta({ description: "E-mail address or `token/<id>`" }),
    customer: z.string().nullable(),
    action: z.string().meta({ description: "Such as `origin.put` or `network.apply`" }),
    subject: z.string(),
    changes: z.array(z.string()),
    hash: z.string().meta({ description: "SHA-256 over the entry and the previous one's hash" }),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof auditEntry>;
