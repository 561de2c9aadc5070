/**
 * DER (ITU-T X.690), as much of it as certificates and requests for them need: values are written, and
 * read one level at a time. What certificates mean is not known here.
 */
export {
  bitString,
  octetString,
  oid,
  sequence,
  set,
  subjectAltName,
  tagged,
  text,
} from "./encode.ts";
export { type DerValue, readDer } from "./read.ts";
