import type { Plugin } from 'vite'

export function basemap(): Plugin
