import { defineConfig } from 'vite'

import { slim } from './slim/index.mjs'

const banner = `/*! cuelight.js, the Refresher of Cuelight. Apache License 2.0.
 * Contains socket.io-client 4.8.4 without its binary packets
 * (MIT License, (c) 2014-present Guillermo Rauch and Socket.IO contributors)
 * and idiomorph 0.8.0 (BSD Zero Clause License). */`

// The script of a page: classic, with all that it needs in it. The manifests of the packages come from packages/.
const script = {
  plugins: [slim()],
  publicDir: 'packages',
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    lib: { entry: 'src/main.ts', formats: ['iife'], name: 'cuelightScript', fileName: () => 'cuelight.js' },
    rolldownOptions: { output: { postBanner: banner } },
  },
}

// A package for pages with a bundler of their own: modules that leave their dependencies to it.
const library = (name, entry, postBanner) => ({
  publicDir: false,
  build: {
    target: 'es2022',
    outDir: `dist/${name}`,
    emptyOutDir: false,
    lib: { entry, formats: ['es'] },
    minify: 'oxc',
    rolldownOptions: {
      external: /^(socket\.io-client|idiomorph|react|@cuelight\/react|@tanstack\/react-query)$/,
      output: {
        entryFileNames: '[name].js',
        minify: true,
        comments: false,
        postBanner,
      },
    },
  },
})

// For frameworks that render on the server: hooks belong to the browser.
const browserOnly = `'use client'`

const builds = {
  production: script,
  client: library('client', { index: 'src/index.ts' }),
  react: library('react', { index: 'src/react/index.ts' }, browserOnly),
  // Built by itself: what it shares with the hooks is too little for a file of its own.
  query: library('react', { query: 'src/react/query.ts' }, browserOnly),
}

// Stable names and no timestamps: the same sources always give the same bytes.
export default defineConfig(({ mode }) => ({ logLevel: 'warn', ...builds[mode] }))
