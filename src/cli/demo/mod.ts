/**
 * `turnpike demo`: a whole network on loopback in one process tree, with a simulated world around
 * it, and `--check`, which proves the contract (section 1 of the design) against itself.
 *
 * The product's own processes are started as `turnpike up` starts them; nothing of them is faked
 * here. What lives here is the outside: the customers' web servers, client networks with their
 * resolvers and users, what machines report, faults on a schedule. State is in a data folder that
 * is removed at the end unless --data names one.
 */
export { registerDemo } from "./register.ts";
