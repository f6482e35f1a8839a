// Bundles a page of the tests as a front-end's own bundler would: what was built, React's development build with it.
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const path = (name) => fileURLToPath(new URL(name, import.meta.url))

export async function bundle(entry) {
  const { output } = await build({
    configFile: false,
    logLevel: 'error',
    mode: 'development',
    root: path('.'),
    publicDir: false,
    define: { 'process.env.NODE_ENV': '"development"' },
    resolve: {
      alias: [
        { find: '@cuelight/react/query', replacement: path('../dist/react/query.js') },
        { find: '@cuelight/react', replacement: path('../dist/react/index.js') },
        { find: '@cuelight/client', replacement: path('../dist/client/index.js') },
      ],
    },
    build: { write: false, minify: false, rolldownOptions: { input: path(`pages/${entry}`), output: { format: 'iife' } } },
  })
  return output[0].code
}
