export type { Status } from '../channel.js';
export type { Session } from '../connection.js';
export { type CueQuery, type CueQueryOptions, type EventNames, useCueEvent, useCueQuery, useCueStatus } from './hooks.js';
export { CuelightProvider, type CuelightProviderProps, useCuelight } from './provider.js';
