import { Button, Paper, Stack, Text, TextInput, Title } from "@mantine/core";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { ApiFault } from "../api/client.ts";
import { useChange, useSetSession } from "../api/queries.ts";
import { sortProblems } from "../parts/field-problems.ts";
import { useSentFocus } from "../parts/focus.ts";
import { formatNumber } from "../parts/format.ts";
import { Brand } from "../parts/shell.tsx";
import { FormAlert } from "../parts/states.tsx";

const PATHS = { email: ["email"], password: ["password"] } as const;

export function SignInPage() {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [missing, setMissing] = useState({ email: false, password: false });
  const signIn = useChange("signIn");
  const setSession = useSetSession();
  const button = useRef<HTMLButtonElement>(null);
  useSentFocus(button, signIn.isPending);
  useEffect(() => {
    document.title = "Sign in · Turnpike";
  }, []);

  function submit(event: FormEvent): void {
    event.preventDefault();
    const lacks = { email: email.trim() === "", password: password === "" };
    setMissing(lacks);
    if (lacks.email || lacks.password) return;
    signIn.mutate(
      { body: { email: email.trim(), password } },
      { onSuccess: (session) => setSession(session), onError: () => setPassword("") },
    );
  }

  const problems = sortProblems(signIn.error, PATHS);
  return (
    <main className="tp-alone">
      <Paper className="tp-card" p="xl">
        <form onSubmit={submit} noValidate>
          <Stack>
            <Brand />
            <Title order={1}>Sign in</Title>
            <FormAlert words={wordsOf(signIn.error, problems.rest)} />
            <TextInput
              label="E-mail"
              type="email"
              autoComplete="username"
              value={email}
              onChange={(e) => setEmail(e.currentTarget.value)}
              error={problems.fields.email ?? (missing.email && "Enter your e-mail address")}
            />
            <PasswordField
              value={password}
              onText={setPassword}
              error={problems.fields.password ?? (missing.password && "Enter your password")}
            />
            <Button type="submit" ref={button} loading={signIn.isPending} fullWidth>
              Sign in
            </Button>
            <Text size="sm" c="dimmed">
              Accounts are made by the operator of this network.
            </Text>
          </Stack>
        </form>
      </Paper>
    </main>
  );
}

function PasswordField(props: {
  value: string;
  onText: (text: string) => void;
  error: string | false;
}) {
  const [shown, setShown] = useState(false);
  return (
    <TextInput
      label="Password"
      type={shown ? "text" : "password"}
      autoComplete="current-password"
      value={props.value}
      onChange={(e) => props.onText(e.currentTarget.value)}
      error={props.error}
      rightSectionWidth={64}
      rightSection={
        <Button
          variant="subtle"
          size="compact-sm"
          aria-pressed={shown}
          onClick={() => setShown(!shown)}
        >
          {shown ? "Hide" : "Show"}
        </Button>
      }
    />
  );
}

function wordsOf(error: Error | null, rest: readonly string[]): readonly string[] {
  if (!(error instanceof ApiFault)) return rest;
  if (error.status === 401) return ["This e-mail address and password do not belong together"];
  if (error.status !== 429) return rest;
  const wait =
    error.retryAfterSec === null ? "a minute" : formatNumber(error.retryAfterSec, "second");
  return [`Too many attempts. Wait ${wait}, then try again`];
}
