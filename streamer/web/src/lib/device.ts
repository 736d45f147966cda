/** What kind of device somebody sits at, as far as its browser says: only to show its steps first. */

export function deviceOf(agent: string, touch: boolean): 'windows' | 'android' | 'iphone' | 'macos' | 'linux' | 'firefox' {
  if (/android/i.test(agent)) return 'android'
  // An iPad says that it is a Mac; no Mac is touched.
  if (/iphone|ipad|ipod/i.test(agent) || (/macintosh/i.test(agent) && touch)) return 'iphone'
  if (/firefox/i.test(agent)) return 'firefox'
  if (/windows/i.test(agent)) return 'windows'
  if (/macintosh/i.test(agent)) return 'macos'
  return 'linux'
}
