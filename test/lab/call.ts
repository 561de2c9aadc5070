// One call of the API, as a program of its own, so that it can run inside a network namespace:
// `call.ts URL METHOD PATH [BODY]`, with the token in TURNPIKE_TOKEN; `call.ts URL sign-in` prints a
// new token. Prints the answer's body as JSON; a refusal ends with exit code 1.
import { Api } from "./turnpike.ts";

const [url = "", method = "", path = "", body] = process.argv.slice(2);
const api = new Api(url);
if (method === "sign-in") {
  process.stdout.write(await api.signIn());
} else {
  api.use(process.env.TURNPIKE_TOKEN ?? "");
  const parsed: unknown = body === undefined ? undefined : JSON.parse(body);
  process.stdout.write(JSON.stringify(await api.must(method, path, parsed)));
}
