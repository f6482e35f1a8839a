import { type ReactElement, type ReactNode } from 'react';
import type { Channel } from '../channel.js';
import { type Session } from '../connection.js';
import type { Queries } from './query-store.js';
export interface CuelightProviderProps {
    url: string;
    app: string;
    /** The session's id, or what gives it at every connect. Without it: a guest. A new id connects anew. */
    session?: Session | undefined;
    children?: ReactNode;
}
/** One connection, used by every hook below the provider. */
interface Client {
    readonly channel: Channel;
    readonly queries: Queries;
    /** Connects; the returned function disconnects, a little later: StrictMode leaves and comes back at once. */
    hold(): () => void;
}
/** Connects the components below it to the app, once for all of them. */
export declare function CuelightProvider({ url, app, session, children }: CuelightProviderProps): ReactElement;
export declare function useClient(): Client;
/** The connection itself: its socket, `on` and `send`. */
export declare function useCuelight(): Channel;
export {};
