import { Fault } from "../base/fault.ts";
import type { NameResolver } from "../model/resolver.ts";
import {
  type Message,
  makeQuery,
  parseData,
  type ResourceRecord,
  TYPE,
  wordsOf,
} from "../wire/dns/mod.ts";

/** A resolver over a table: `name type` -> values; `@address name NS` is what a server itself says. */
export class TableResolver implements NameResolver {
  readonly table = new Map<string, readonly string[]>();

  async lookup(name: string, type: number): Promise<Message> {
    const values = this.table.get(`${name} ${type}`);
    if (values === undefined) throw new Fault("bus-timeout", name);
    return messageOf(name, type, values);
  }

  /** The parent of a name delegates it to these; or has these for another type. */
  delegate(name: string, values: readonly string[], type: number = TYPE.NS): void {
    const parent = name.slice(name.indexOf(".") + 1);
    this.table.set(`${parent} ${TYPE.NS}`, ["ns.registry.example"]);
    this.table.set(`ns.registry.example ${TYPE.A}`, ["127.0.9.9"]);
    this.table.set(`@127.0.9.9 ${name} ${type}`, values);
  }

  async lookupAt(address: string, name: string, type: number): Promise<Message> {
    const values = this.table.get(`@${address} ${name} ${type}`);
    if (values === undefined) throw new Fault("bus-timeout", name);
    if (type !== TYPE.NS) return messageOf(name, type, values);
    // As a referral: in the authority section.
    const { answers, ...rest } = messageOf(name, type, values);
    return { ...rest, answers: [], authorities: answers };
  }
}

function messageOf(name: string, type: number, values: readonly string[]): Message {
  const answers = values.map((value): ResourceRecord => {
    const base = { name, type, class: 1, ttlSec: 60 };
    if (type === TYPE.TXT) {
      return { ...base, data: { kind: "texts", texts: [new TextEncoder().encode(value)] } };
    }
    if (type === TYPE.DS) {
      const data = parseData(type, wordsOf(value) ?? [], null);
      if (!(data instanceof Uint8Array)) throw new Error(`no DS: ${value}`);
      return { ...base, data: { kind: "raw", bytes: data } };
    }
    const address = type === TYPE.A || type === TYPE.AAAA;
    return {
      ...base,
      data: address ? { kind: "address", address: value } : { kind: "name", name: value },
    };
  });
  return { ...makeQuery(1, name, type), answers };
}
