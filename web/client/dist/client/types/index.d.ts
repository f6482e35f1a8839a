export type { Off, Status } from './channel.js';
export { Cuelight, type CuelightOptions, type PageOptions } from './cuelight.js';
