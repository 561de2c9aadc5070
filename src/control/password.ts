/** Passwords: argon2id with OWASP's parameters (19 MiB, 2 passes), about 20 ms a time. */
const ARGON2 = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

export function hashPassword(password: string): Promise<string> {
  return Bun.password.hash(password, ARGON2);
}

/** A hash of nobody's password, made as above. */
const NOBODYS =
  "$argon2id$v=19$m=19456,t=2,p=1$rO52iPBJ2pRi/A6hAalRHA5vIumlZEJc1qcHs21cju8" +
  "$SG+iw0vCaHeczPCU+bnLxkCHViPxdzzhy4oWxOY+2sk";

/** With no hash it takes the same time and is false: whether an account exists does not show. */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const fits = await Bun.password.verify(password, hash ?? NOBODYS);
  return fits && hash !== null;
}
