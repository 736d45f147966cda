/** A SIM in a form. A megabyte is 10⁶ bytes, as operators count. Pure. */

import type { components } from '../../api/schema'

export type Sim = components['schemas']['Sim']
export type Tariff = components['schemas']['Tariff']
export type Form = {
  iccid: string
  operator: string
  number: string
  tariff: number | null
  quota: number | null
  cycle: 'month' | 'package'
  day: number
  days: number
  from: string
  state: Sim['state']
  receiver: number | null
}

export const MB = 1_000_000

export function formOf(sim: Sim | null): Form {
  return {
    iccid: sim?.iccid ?? '',
    operator: sim?.operator ?? '',
    number: sim?.number ?? '',
    tariff: sim?.tariff ?? null,
    quota: sim?.quota_bytes == null ? null : sim.quota_bytes / MB,
    cycle: sim?.cycle ?? 'month',
    day: sim?.cycle_day ?? 1,
    days: sim?.cycle_days ?? 30,
    from: sim?.cycle_from ?? '',
    state: sim?.state ?? 'stock',
    receiver: sim?.receiver ?? null,
  }
}

/** A change that changes nothing, to be spread below what is to change. */
export const UNCHANGED = {
  iccid: null, operator: null, number: null, tariff: null, quota_bytes: null, cycle: null, cycle_day: null,
  cycle_days: null, cycle_from: null, state: null, installed_on: null, handed_over_on: null, notes: null,
}

/** What the API is to change; null stays as it is. */
export function changeOf(form: Form) {
  const month = form.cycle === 'month'
  return {
    iccid: form.iccid.replaceAll(' ', ''),
    operator: form.operator.trim(),
    number: form.number.trim(),
    tariff: form.tariff,
    quota_bytes: form.quota == null ? null : Math.round(form.quota * MB),
    cycle: form.cycle,
    cycle_day: month ? form.day : null,
    cycle_days: month ? null : form.days,
    cycle_from: month || form.from === '' ? null : form.from,
    state: form.state,
    installed_on: null,
    handed_over_on: null,
    notes: null,
  }
}
