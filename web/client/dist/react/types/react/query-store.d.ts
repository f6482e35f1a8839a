export interface QueryState<T> {
    /** The newest data, kept while newer is on its way or could not be had. Undefined before the first. */
    readonly data: T | undefined;
    /** Why the last load failed, undefined when it did not. */
    readonly error: unknown;
    /** Something may have changed since the data was loaded. */
    readonly isStale: boolean;
}
/** The queries of one provider, each for as long as a component uses it. */
export type Queries = Map<string, Query<unknown>>;
/** What the components with one key share: the data and the one request that renews it. */
export interface Query<T> {
    /** How the data is loaded, as the component that was rendered last has it. */
    load: (() => Promise<T> | T) | undefined;
    readonly read: () => QueryState<T>;
    /** Calls watcher whenever the state changes. The first one has the data loaded. */
    readonly watch: (watcher: () => void) => () => void;
    /** Marks the data as stale and has it loaded anew, after the delay. */
    readonly touch: (delay?: number) => void;
}
/** The query of the key, made when there is none. */
export declare function queryOf<T>(queries: Queries, key: string): Query<T>;
