/**
 * The control role: intent, people, publishing, purges and live figures behind one HTTP API, which
 * the portal, the command line and scripts all use. Changes take one road (`change.ts`), each in
 * `commands/`; routes in `api/` are thin. It owns the store. The data roles never ask it to answer
 * a query or a request: with every control process dead they serve on.
 *
 * Steering, compiling and rating are decided in policy, not here.
 */
export { type Control, type ControlOptions, startControl } from "./control.ts";
