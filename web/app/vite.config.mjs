import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// Stable names and no timestamps: the same sources always give the same bytes. The server caches by ETag.
export default defineConfig({
  logLevel: 'warn',
  plugins: [react()],
  build: {
    target: 'es2022',
    outDir: 'dist',
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/[name].js',
        chunkFileNames: 'assets/[name].js',
        assetFileNames: 'assets/[name][extname]',
        // What most screens share is one file: many small ones weigh more.
        codeSplitting: { groups: [{ name: 'kit', test: /node_modules.(@mantine|@floating-ui|lucide-react)/, minShareCount: 20 }] },
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8090', '/socket.io': { target: 'http://127.0.0.1:8090', ws: true } } },
})
