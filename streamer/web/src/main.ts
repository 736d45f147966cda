import { mount } from 'svelte'

import './styles/tokens.css'
import './styles/base.css'
import './state/theme.svelte'
import App from './App.svelte'
import { language } from './state/language.svelte'

document.documentElement.lang = language.now
mount(App, { target: document.getElementById('app')! })
