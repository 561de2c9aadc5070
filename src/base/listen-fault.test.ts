import { expect, test } from "bun:test";
import { Fault } from "./fault.ts";
import { listenFault } from "./listen-fault.ts";

function said(code: unknown): Error {
  return Object.assign(new Error("listen"), { code });
}

test("listenFault() tells a port in use from an address that is not ours", () => {
  for (const [code, fault] of [
    ["EADDRINUSE", "port-in-use"],
    ["EADDRNOTAVAIL", "address-unavailable"],
    ["EACCES", "port-forbidden"],
  ] as const) {
    const made = listenFault(said(code), "127.0.0.1:53");
    expect(made).toBeInstanceOf(Fault);
    expect((made as Fault).code).toBe(fault);
    expect((made as Fault).message).toEndWith(": 127.0.0.1:53");
  }
});

test("listenFault() gives anything else back as it came", () => {
  for (const error of [said("ERR_OSSL_PEM_NO_START_LINE"), said(7), null, "words"])
    expect(listenFault(error, "x")).toBe(error);
});
