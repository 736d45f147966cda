import { speaks } from '../../state/language.svelte'

const vi = { title: 'Đang phát' }
const en: typeof vi = { title: 'On air' }

export const say = speaks({ vi, en })
