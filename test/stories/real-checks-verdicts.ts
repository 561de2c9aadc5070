import type { Turn } from "../lab/turncoat.ts";

/** What each must be called when what it talks to has turned; "" where it is content. */
export const VERDICTS: Readonly<Record<Exclude<Turn, "pass">, Readonly<Record<string, RegExp>>>> = {
  hang: {
    ...{ http: /^timeout$/, http2: /^timeout$/, tls: /^timeout$/, tcp: /^$/ },
    ...{ ftp: /^timeout$/, dns: /^timeout$/, icmp: /^$/ },
  },
  fail: {
    ...{ http: /^status 503$/, http2: /^(not tls|reset)$/, tls: /^(not tls|reset)$/, tcp: /^$/ },
    ...{ ftp: /^greeting 421$/, dns: /^rcode 2$/, icmp: /^$/ },
  },
  lie: {
    ...{ http: /^body without the text$/, http2: /^certificate$/, tls: /^certificate$/, tcp: /^$/ },
    ...{ ftp: /^login refused$/, dns: /^other answer$/, icmp: /^$/ },
  },
  garbage: {
    ...{ http: /^not http$/, http2: /^not tls$/, tls: /^not tls$/, tcp: /^$/ },
    ...{ ftp: /^not ftp$/, dns: /^not dns$/, icmp: /^$/ },
  },
  endless: {
    ...{ http: /^not http$/, http2: /^not tls$/, tls: /^not tls$/, tcp: /^$/ },
    ...{ ftp: /^not ftp$/, dns: /^not dns$/, icmp: /^$/ },
  },
  reset: {
    ...{ http: /^reset$/, http2: /^(reset|not tls)$/, tls: /^(reset|not tls)$/, tcp: /^$/ },
    ...{ ftp: /^reset$/, dns: /^timeout$/, icmp: /^$/ },
  },
};

/** The same of the sources of load, which decide nothing: their words are warnings. */
export const UNREAD: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
  hang: { tcp: /^exporter: timeout$/, ftp: /^load: timeout$/, dns: /^snmp: timeout$/ },
  fail: { tcp: /^exporter: status 503$/, ftp: /^load: status 503$/, dns: /^snmp: / },
  lie: { tcp: /^exporter: not an exporter$/, ftp: /^load: not a load object$/, dns: /^snmp: / },
  garbage: {
    tcp: /^exporter: not http$/,
    ftp: /^load: not http$/,
    dns: /^snmp: (not snmp|timeout)$/,
  },
  endless: {
    tcp: /^exporter: not http$/,
    ftp: /^load: not http$/,
    dns: /^snmp: (not snmp|timeout)$/,
  },
  reset: { tcp: /^exporter: reset$/, ftp: /^load: reset$/, dns: /^snmp: timeout$/ },
};
