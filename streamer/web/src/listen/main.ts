import { mount } from 'svelte'

import '../styles/tokens.css'
import '../styles/base.css'
import '../state/theme.svelte'
import { language } from '../state/language.svelte'
import Listen from './Listen.svelte'

document.documentElement.lang = language.now
mount(Listen, { target: document.getElementById('app')! })
