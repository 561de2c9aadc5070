import { Button } from "@mantine/core";
import { Page } from "../parts/page.tsx";
import { Empty } from "../parts/states.tsx";
import { Link } from "../router.tsx";

export function NotFoundPage() {
  return (
    <Page title="Not found">
      <Empty
        title="There is no page at this address"
        action={
          <Button component={Link} href="/">
            Go to the first page
          </Button>
        }
      >
        It may have been moved or removed, or the address has a slip of the pen.
      </Empty>
    </Page>
  );
}
