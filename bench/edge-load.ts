// What wrk and h2load say of a run.

export interface Load {
  readonly answers: number;
  readonly failed: number;
  readonly perSec: number;
}

export function readWrk(text: string): Load {
  const answers = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  const perSec = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0);
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  const others = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  const failed = (errors?.slice(1) ?? []).reduce((sum, n) => sum + Number(n), others);
  return { answers, failed, perSec };
}

export function readH2load(text: string, seconds: number): Load {
  const counts = /(\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored/.exec(text);
  const status = /(\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(text);
  const answers = Number(counts?.[2] ?? 0);
  const failed = Number(counts?.[3] ?? 0) + Number(status?.[3] ?? 0) + Number(status?.[4] ?? 0);
  return { answers, failed, perSec: answers / seconds };
}
