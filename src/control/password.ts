/** Passwords: argon2id with OWASP's parameters (19 MiB, 2 passes), about 20 ms a time. */
const ARGON2 = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;

export function hashPassword(password: string): Promise<string> {
  return Bun.password.hash(password, ARGON2);
}

/** With no hash it takes the same time and is false: whether an account exists does not show. */
export async function verifyPassword(password: string, hash: string | null): Promise<boolean> {
  const fits = await Bun.password.verify(password, hash ?? (await noAccount()));
  return fits && hash !== null;
}

let noAccountHash: Promise<string> | null = null;
function noAccount(): Promise<string> {
  noAccountHash ??= hashPassword("no account has this password");
  return noAccountHash;
}
