/** The server's API, typed by its own OpenAPI document (`schema.d.ts`, made by `npm run api`). */

import createClient, { type Middleware } from 'openapi-fetch'

import { language } from '../state/language.svelte'
import type { paths } from './schema'

export const BASE = '/api/v1'

/** One rejected field, named by its path in the request. */
export type FieldError = { field: string; code: string; message: string }

/** Why a call was refused: `message` is for people, in their language, and `code` for programs. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: FieldError[] = [],
    readonly conflicts: Record<string, unknown>[] = [],
    readonly version: number | null = null,
    /** Seconds after which it may be tried again; null where nothing is said of that. */
    readonly after: number | null = null,
  ) {
    super(message)
  }

  /** What is wrong with a field, or ''. */
  of(field: string): string {
    return this.fields.find((one) => one.field === field)?.message ?? ''
  }
}

const UNREACHABLE = {
  vi: 'Không liên lạc được với máy chủ. Hãy kiểm tra mạng rồi thử lại.',
  en: 'The server cannot be reached. Check the network and try again.',
}

/** The word of the session that every change repeats, and what is to happen when it has ended. */
export const credentials = {
  csrf: null as string | null,
  ended: (): void => {},
}

export function headers(method: string): Record<string, string> {
  const said: Record<string, string> = { 'Accept-Language': language.now }
  if (credentials.csrf !== null && method !== 'GET' && method !== 'HEAD') {
    said['X-CSRF-Token'] = credentials.csrf
  }
  return said
}

/** Make an error of an answer that is a refusal. */
export async function refusal(response: Response): Promise<ApiError> {
  try {
    const { error } = await response.json()
    return new ApiError(
      response.status,
      error.code,
      error.message,
      error.fields ?? [],
      error.conflicts ?? [],
      error.version ?? null,
      Number(response.headers.get('Retry-After')) || null,
    )
  } catch {
    return new ApiError(response.status, 'unreadable', `${response.status} ${response.statusText}`)
  }
}

const speaks: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(headers(request.method))) {
      request.headers.set(name, value)
    }
    return request
  },
  async onResponse({ response, request }) {
    if (response.ok) return undefined
    const error = await refusal(response)
    if (response.status === 401 && !new URL(request.url).pathname.endsWith('/sign-in')) {
      credentials.ended()
    }
    throw error
  },
  onError() {
    return new ApiError(0, 'unreachable', UNREACHABLE[language.now])
  },
}

/**
 * The calls, by method and path: `const { data } = await api.GET('/areas/tree')`. Whatever is not
 * a success is thrown as `ApiError`, so `data` is there wherever the call has an answer.
 */
export const api = createClient<paths>({ baseUrl: BASE })
api.use(speaks)

/** `If-Match` of a version. */
export function ifMatch(version: number): { 'If-Match': string } {
  return { 'If-Match': `"${version}"` }
}

/** Say what went wrong, to people. */
export function wording(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Go through all pages of a list: `for await (const item of all((after) => api.GET(…)))`. */
export async function* all<T>(
  page: (after: number | undefined) => Promise<{ items: readonly T[]; next: number | null }>,
): AsyncGenerator<T> {
  let after: number | undefined
  for (;;) {
    const { items, next } = await page(after)
    yield* items
    if (next === null) return
    after = next
  }
}
