/** Addresses that come from outside. */

/** An address of our own pages; '/' for any other: a link must not lead away after signing in. */
export function ownAddress(to: string | null): string {
  if (to === null || !to.startsWith('/')) return '/'
  try {
    const url = new URL(to, 'https://loa.invalid')
    return url.origin === 'https://loa.invalid' ? url.pathname + url.search + url.hash : '/'
  } catch {
    return '/'
  }
}

/** What a part of an address says; one that is malformed is taken as it stands. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
