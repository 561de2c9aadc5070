import type { PageProps } from "../app.tsx";
import { Page } from "../parts/page.tsx";
import { ZoneFileForm } from "../parts/zone-file-form.tsx";
import { go } from "../router.tsx";
import { pathOf } from "../routes.ts";

export function ZoneAddPage(props: PageProps) {
  const customer = props.params.customer ?? "";
  const zones = pathOf("zones", { customer });
  return (
    <Page
      title="Add a zone"
      up={{ label: "Zones", href: zones }}
      words="Its records are answered as soon as its name servers are ours"
    >
      <ZoneFileForm
        customer={customer}
        zone={null}
        onDone={(zone) => go(pathOf("zone", { customer, zone }))}
        onPending={() => go(zones)}
        onCancel={() => go(zones)}
      />
    </Page>
  );
}
