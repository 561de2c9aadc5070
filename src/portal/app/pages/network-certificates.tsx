import { useRead } from "../api/queries.ts";
import { CertificateBook } from "../parts/certificate-book.tsx";
import { NetworkObtained } from "../parts/obtained.tsx";

const REFRESH_MS = 10_000;

/** The network's own, for the name that all customers share. */
export function NetworkCertificatesPage() {
  return (
    <CertificateBook
      customer={null}
      query={useRead("listNetworkCertificates", {}, { refreshMs: REFRESH_MS })}
      words="What every cache shows for the address that all customers share"
      empty="Until there is one, each cache shows the certificate of its own node file for the address that all customers share."
    >
      <NetworkObtained />
    </CertificateBook>
  );
}
