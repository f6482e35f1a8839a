import { defineConfig } from 'vite'

const banner = `/*! cuelight.js, the Refresher of Cuelight. Apache License 2.0.
 * Contains socket.io-client 4.8.4 (MIT License, (c) 2014-present Guillermo Rauch and Socket.IO contributors)
 * and idiomorph 0.8.0 (BSD Zero Clause License). */`

// The server speaks websocket and long polling only: WebTransport would be dead weight on every page.
const withoutWebTransport = {
  name: 'without-webtransport',
  load: (id) => (id.endsWith('/engine.io-client/build/esm/transports/webtransport.js') ? 'export class WT {}' : null),
}

// One classic script with a stable name and no timestamps: the same sources always give the same bytes.
export default defineConfig({
  logLevel: 'warn',
  plugins: [withoutWebTransport],
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    lib: { entry: 'src/main.ts', formats: ['iife'], name: 'cuelightScript', fileName: () => 'cuelight.js' },
    rolldownOptions: { output: { postBanner: banner } },
  },
})
