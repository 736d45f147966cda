/** What of the log is shown; it stands in the address, so a view can be kept and sent. */

export type Filter = {
  area: number | null
  account: number | null
  /** Whose account it is, for the field. */
  name: string
  action: string
  /** Days, as date fields have them; '' for any. */
  since: string
  until: string
}

export function readFilter(search: string): Filter {
  const said = new URLSearchParams(search)
  const number = (name: string): number | null => {
    const value = said.get(name) ?? ''
    return /^[0-9]{1,15}$/.test(value) ? Number(value) : null
  }
  const date = (name: string): string => {
    const value = said.get(name) ?? ''
    return /^\d{4}-\d{2}-\d{2}$/.test(value) && !Number.isNaN(Date.parse(value)) ? value : ''
  }
  const action = said.get('action') ?? ''
  return {
    area: number('area'),
    account: number('account'),
    name: (said.get('name') ?? '').slice(0, 100),
    action: /^[a-z_.]+(\.\*)?$/.test(action) && action.length <= 60 ? action : '',
    since: date('since'),
    until: date('until'),
  }
}

export function writeFilter(filter: Filter): string {
  const said = new URLSearchParams()
  for (const [name, value] of Object.entries(filter)) {
    if (value !== null && value !== '') said.set(name, String(value))
  }
  const text = said.toString()
  return text === '' ? '' : `?${text}`
}

export function isEmpty(filter: Filter): boolean {
  return writeFilter(filter) === ''
}
