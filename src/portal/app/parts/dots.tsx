/** What stands on a button that opens a menu. */
export function Dots() {
  return (
    <svg width="16" height="4" viewBox="0 0 16 4" fill="currentColor" aria-hidden="true">
      <circle cx="2" cy="2" r="1.7" />
      <circle cx="8" cy="2" r="1.7" />
      <circle cx="14" cy="2" r="1.7" />
    </svg>
  );
}
