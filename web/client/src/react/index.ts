// What @cuelight/react offers.
export type { Status } from '../channel'
export type { Session } from '../connection'
export { type CueQuery, type CueQueryOptions, type EventNames, useCueEvent, useCueQuery, useCueStatus } from './hooks'
export { CuelightProvider, type CuelightProviderProps, useCuelight } from './provider'
