/**
 * One file per command of the command line, `<noun>-<verb>`: each declares its arguments, calls the
 * API through `api-client`, and prints for people or, with `--json`, for programs. Exit codes: 0
 * done, 1 the answer is no or the server refused, 2 it could not be asked. `up` and `demo` are
 * not here: they start roles.
 */
export { registerCommands } from "./register.ts";
