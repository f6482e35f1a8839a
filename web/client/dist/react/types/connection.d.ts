import { Channel } from './channel.js';
/** A ready session, or what gives one each time it is needed. Nothing: a guest. */
export type Session = string | (() => string | undefined | null | Promise<string | undefined | null>) | undefined;
export interface ConnectionOptions {
    app: string;
    url: string;
    session?: Session;
}
export interface Connection {
    readonly channel: Channel;
    /** Connects, after it has asked for the session if there is somebody to ask. */
    start(): void;
    /** Disconnects for good, until the next start. */
    stop(): void;
}
/** Makes a channel with a socket of its own to the app, the refusals and cuts of its life handled. */
export declare function makeConnection({ app, url, session }: ConnectionOptions): Connection;
