/** Every page and its address. Pages are loaded when they are first opened. */

import { createRouter } from 'sv-router'
import { api } from './api/client'
import Desk from './shell/Desk.svelte'
import NotFound from './shell/NotFound.svelte'
import { areas } from './state/areas.svelte'
import { session, type Permission } from './state/session.svelte'

async function known(): Promise<void> {
  if (!session.known) await session.load()
}

/** Pages of the desk are for those who signed in; whoever did not is asked to, and comes back. */
async function signedIn({ pathname }: { pathname: string }): Promise<void> {
  // The page comes while the server says who we are, the areas while the page is made ready.
  void router.preload(pathname as Parameters<typeof router.preload>[0]).catch(() => {})
  await known()
  if (session.me === null) {
    const nobody = await api.GET('/setup').then(({ data }) => data!.first && data!.awaited, () => false)
    if (nobody) throw await router.navigate('/setup', { replace: true })
    const to = pathname === location.pathname ? pathname + location.search : pathname
    throw await router.navigate('/sign-in', { search: { to }, replace: true })
  }
  // Somebody else chose the password: nothing else before it is changed.
  if (session.me.must_change) {
    throw await router.navigate('/password', { search: { to: pathname }, replace: true })
  }
  // Where that fails, the shell asks again, and says so.
  void areas.load().catch(() => {})
}

/** For pages that need somebody to be signed in, and no more. */
async function somebody(): Promise<void> {
  await known()
  if (session.me === null) throw await router.navigate('/sign-in', { replace: true })
}

export const router = createRouter({
  '/sign-in': () => import('./pages/sign-in/SignIn.svelte'),
  '/setup': () => import('./pages/setup/Setup.svelte'),
  '/https': () => import('./pages/https/Https.svelte'),
  '/password': {
    '/': () => import('./pages/sign-in/MustChange.svelte'),
    hooks: { beforeLoad: somebody },
  },
  '/': {
    layout: Desk,
    hooks: { beforeLoad: signedIn },
    '/': () => import('./pages/on-air/OnAir.svelte'),
    '/studio': () => import('./pages/studio/Studio.svelte'),
    '/bulletins': () => import('./pages/bulletins/Bulletins.svelte'),
    '/bulletins/:id': () => import('./pages/bulletins/Bulletin.svelte'),
    '/emergency': () => import('./pages/emergency/Emergency.svelte'),
    '/reports': () => import('./pages/reports/Reports.svelte'),
    '/reports/:kind': () => import('./pages/reports/Reports.svelte'),
    '/account': () => import('./pages/account/Account.svelte'),
    '/audit': () => import('./pages/audit/Audit.svelte'),
    '/settings': () => import('./pages/settings/rules/Rules.svelte'),
    '/settings/areas': () => import('./pages/settings/areas/Areas.svelte'),
    '/settings/rules': () => import('./pages/settings/rules/Rules.svelte'),
    '/settings/people': () => import('./pages/settings/people/People.svelte'),
    '/settings/sources': () => import('./pages/settings/sources/Sources.svelte'),
    '/settings/spelling': () => import('./pages/settings/spelling/Spelling.svelte'),
    '/settings/webhooks': () => import('./pages/settings/webhooks/Webhooks.svelte'),
    '/receivers': () => import('./pages/receivers/Receivers.svelte'),
    '/receivers/enrol': () => import('./pages/receivers/Enrol.svelte'),
    '/receivers/map': () => import('./pages/receivers/Map.svelte'),
    '/receivers/:id': () => import('./pages/receivers/One.svelte'),
    '/sims': () => import('./pages/sims/Sims.svelte'),
    '/receivers/alerts': () => import('./pages/receivers/Alerts.svelte'),
    '/schedule': () => import('./pages/schedule/Schedule.svelte'),
    '/schedule/:part': () => import('./pages/schedule/Schedule.svelte'),
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
  { to: '/bulletins', word: 'bulletins', needs: 'read' },
  { to: '/schedule', word: 'schedule', needs: 'read' },
  { to: '/receivers', word: 'receivers', needs: 'read' },
  { to: '/emergency', word: 'emergency', needs: 'emergency' },
  { to: '/reports', word: 'reports', needs: 'read' },
  { to: '/audit', word: 'audit', needs: 'audit' },
  { to: '/settings', word: 'settings', needs: 'read' },
]
