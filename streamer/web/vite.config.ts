import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

import { basemap } from './basemap.js'

// `npm run dev` shows the pages as they are being written, with the data of a running server.
const SERVER = process.env.LOA_SERVER ?? 'http://127.0.0.1:8000'

export default defineConfig({
  plugins: [svelte(), basemap()],
  build: {
    target: 'es2022',
    assetsDir: 'web',
    // Scripts and styles are files of their own: the Content-Security-Policy allows nothing inline.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The desk, and what everybody sees: light enough for a cheap phone.
    rollupOptions: { input: ['index.html', 'listen.html'] },
  },
  // Workers and audio worklets are modules, each with what it needs in one file.
  worker: { format: 'es' },
  server: {
    proxy: {
      '/api': { target: SERVER, ws: true },
      '^/.+\\.opus$': SERVER,
    },
  },
  test: { include: ['src/**/*.test.ts'] },
})
