import { useRead } from "../api/queries.ts";
import type { PageProps } from "../app.tsx";
import { CertificateBook } from "../parts/certificate-book.tsx";
import { Obtained } from "../parts/obtained.tsx";

const REFRESH_MS = 10_000;

export function CertificatesPage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const ask = { params: { customer } };
  return (
    <CertificateBook
      customer={customer}
      query={useRead("listCertificates", ask, { refreshMs: REFRESH_MS })}
      words="What caches show for your sites over HTTPS"
      empty="A site whose own address leads to caches needs one for its host name, and so does each other name of yours that leads there. The shared address needs none."
    >
      <Obtained customer={customer} />
    </CertificateBook>
  );
}
