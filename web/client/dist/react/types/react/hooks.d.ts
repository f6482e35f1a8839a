import type { Status } from '../channel.js';
import { type QueryState } from './query-store.js';
/** The name of an event, or several; `*` is every event. */
export type EventNames = string | readonly string[];
export interface CueQueryOptions {
    /** The events after which the data is loaded anew. */
    on: EventNames;
    /** How long to wait for further events, in milliseconds. */
    debounce?: number;
}
export interface CueQuery<T> extends QueryState<T> {
    /** Loads anew at once. */
    refresh(): void;
}
/** Calls the newest callback for every such event. */
export declare function useCueEvent(names: EventNames, callback: (message: unknown, event: string) => void): void;
/** How the connection is: connecting, live, reconnecting or refused. */
export declare function useCueStatus(): Status;
/** Data that stays fresh: loaded anew after each such event, and after a cut that may have swallowed some. */
export declare function useCueQuery<T>(key: string, load: () => Promise<T> | T, { on, debounce }: CueQueryOptions): CueQuery<T>;
