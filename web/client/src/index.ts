// What @cuelight/client offers to pages with a bundler of their own.
export type { Off, Status } from './channel'
export { Cuelight, type CuelightOptions, type PageOptions } from './cuelight'
