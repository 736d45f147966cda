/** Every page and its address. Pages are loaded when they are first opened. */

import { createRouter } from 'sv-router'
import Desk from './shell/Desk.svelte'
import NotFound from './shell/NotFound.svelte'
import { session, type Permission } from './state/session.svelte'

async function known(): Promise<void> {
  if (!session.known) await session.load()
}

/** Pages of the desk are for those who signed in; whoever did not is asked to, and comes back. */
async function signedIn({ pathname }: { pathname: string }): Promise<void> {
  await known()
  if (session.me === null) {
    const to = pathname === location.pathname ? pathname + location.search : pathname
    throw await router.navigate('/sign-in', { search: { to }, replace: true })
  }
}

export const router = createRouter({
  '/sign-in': () => import('./pages/sign-in/SignIn.svelte'),
  '/': {
    layout: Desk,
    hooks: { beforeLoad: signedIn },
    '/': () => import('./pages/on-air/OnAir.svelte'),
    '/studio': () => import('./pages/studio/Studio.svelte'),
    '/emergency': () => import('./pages/emergency/Emergency.svelte'),
    '/reports': () => import('./pages/reports/Reports.svelte'),
    '/reports/:kind': () => import('./pages/reports/Reports.svelte'),
  },
  '*': NotFound,
})

/** The desk's navigation: where to, and what one must be allowed to find it there. */
export type Entry = { to: string; word: Section; needs: Permission }
export type Section =
  | 'onAir'
  | 'studio'
  | 'bulletins'
  | 'schedule'
  | 'receivers'
  | 'emergency'
  | 'reports'
  | 'audit'
  | 'settings'

export const NAVIGATION: readonly Entry[] = [
  { to: '/', word: 'onAir', needs: 'read' },
  { to: '/studio', word: 'studio', needs: 'live' },
  { to: '/emergency', word: 'emergency', needs: 'emergency' },
  { to: '/reports', word: 'reports', needs: 'read' },
]
